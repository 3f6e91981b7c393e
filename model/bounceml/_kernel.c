/* Templates and logits of many texts: what `masking.tokens` and `scoring.score` do, for batches.

   Texts are UTF-8. ASCII texts are masked here; texts with other characters are masked where their non-ASCII chunks,
   taken together, were taught before (`bounceml_teach`), since mending and folding them is Python's. What neither
   holds for is handed back. The tests hold both readings against each other.

   All state lies in one `engine`, used by one thread at a time. Functions return -1 where memory ran out. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOKENS 400
#define MAX_CHUNK 300
#define MAX_WORD 40
#define MAX_TEXT 20000
#define MAX_WORDS_OF_URL 12
#define PAIR 0x9E3779B97F4A7C15ULL

enum { ASK_WHOLE = -1, ASK_CHUNKS = -2 };

/* ---- Growing arrays and hash tables ------------------------------------------------------------------------------ */

typedef struct { uint8_t *at; size_t size, room; } bytes;

static int reserve(bytes *b, size_t more) {
    more += 8; /* `load` reads up to 8 bytes beyond what counts */
    if (b->size + more <= b->room) return 1;
    size_t room = b->room ? b->room : 4096;
    while (room < b->size + more) room *= 2;
    uint8_t *at = realloc(b->at, room);
    if (!at) return 0;
    b->at = at, b->room = room;
    return 1;
}

static int append(bytes *b, const void *data, size_t size) {
    if (!reserve(b, size)) return 0;
    memcpy(b->at + b->size, data, size);
    b->size += size;
    return 1;
}

typedef struct { uint64_t a, b; } key;
typedef struct { key key; int64_t value; } slot; /* value -1: empty */
typedef struct { slot *slots; size_t used, mask; } table;

static uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* 128 bits over all bytes; seeded, so that nobody can write texts that collide. The length counts where no byte of the
   text can make up for it. */
static key hash(const uint8_t *data, size_t size, key seed) {
    uint64_t a = seed.a, b = seed.b, length = size * PAIR, word;
    for (; size >= 8; data += 8, size -= 8) {
        memcpy(&word, data, 8);
        a = mix(a ^ word, 0xA0761D6478BD642FULL);
        b = mix(b + word, 0xE7037ED1A0B428DBULL) ^ a;
    }
    word = 0;
    memcpy(&word, data, size);
    a = mix(a ^ word, 0x8EBC6AF09C88C6E3ULL);
    b = mix(b + word, 0x589965CC75374CC3ULL) ^ a;
    return (key){mix(a ^ length, b ^ seed.a), mix(b + length, a + seed.b) | 1};
}

static int table_make(table *t, size_t size) {
    t->slots = malloc(size * sizeof(slot));
    if (!t->slots) return 0;
    for (size_t i = 0; i < size; i++) t->slots[i].value = -1;
    t->used = 0, t->mask = size - 1;
    return 1;
}

static slot *table_find(const table *t, key k) {
    size_t at = k.a & t->mask;
    while (t->slots[at].value >= 0 && (t->slots[at].key.a != k.a || t->slots[at].key.b != k.b)) at = (at + 1) & t->mask;
    return &t->slots[at];
}

static int table_put(table *t, key k, int64_t value) {
    if (t->used * 2 > t->mask) {
        table larger;
        if (!table_make(&larger, (t->mask + 1) * 2)) return 0;
        for (size_t i = 0; i <= t->mask; i++)
            if (t->slots[i].value >= 0) *table_find(&larger, t->slots[i].key) = t->slots[i];
        larger.used = t->used;
        free(t->slots);
        *t = larger;
    }
    slot *s = table_find(t, k);
    if (s->value < 0) t->used++;
    *s = (slot){k, value};
    return 1;
}

/* ---- The engine ---------------------------------------------------------------------------------------------------- */

/* Texts of one template mostly share whole stretches of words, so those without slots are remembered with their tokens. What
   is remembered is folded, and compared byte by byte. Only what was met before is remembered, and what is met again and
   again stays: most of what stands between slots stands there once. */
#define STRETCHES 4096
#define STRETCH_KEY 16
#define STRETCH_BYTES 240
#define STRETCH_CHUNKS 40
#define STRETCH_TOKENS 48
#define MOST_HEAT 15

typedef struct {
    uint8_t size, chunks;
    uint8_t text[STRETCH_BYTES + 8]; /* as `load` needs */
    int32_t ids[STRETCH_TOKENS];
    uint8_t ends[STRETCH_CHUNKS];   /* where what follows each chunk and its white space begins */
    uint8_t counts[STRETCH_CHUNKS]; /* how many tokens stand up to there */
} stretch;

/* What stands at a place: part of the hash of its beginning; whether it is remembered; how long it stays. */
typedef struct { uint32_t tag; uint8_t known, heat; } mark;

typedef struct {
    key seed;
    table hosts;      /* words of `hosts.toml`; value 1: top-level domain, 2: speaking label, 3: both */
    table tokens;     /* token -> its number */
    table templates;  /* token numbers -> number of the template */
    table chunks;     /* non-ASCII chunks of a text -> where in `taught` their tokens stand */
    bytes taught;     /* for each chunk: how many tokens, and their numbers; slots as negative numbers */
    stretch *stretches; /* STRETCHES of them, by hash of their beginnings */
    mark marks[STRETCHES];
    bytes token_text; /* tokens, each with a line break, in the order of their numbers */
    bytes ids;        /* int32: token numbers of templates, one after another */
    bytes ends;       /* int64: where in `ids` each template ends */
    int64_t token_count, template_count;
    int32_t row[MAX_TOKENS];
    int row_size, last_slot;
    int slot_met; /* whether a slot was emitted since this was set to 0 */
    int64_t slots[7]; /* numbers of the slots' tokens; -1 where they weren't met yet */
} engine;

static const char SLOTS[][8] = {"<addr>", "<host>", "<ip>", "<url>", "<id>", "<num>"};
enum { ADDR = 1, HOST, IP, URL, ID, NUM };

/* The first `size` bytes, at most 8, as a number; reads 8 bytes, which everything that holds tokens has room for. */
static uint64_t load(const uint8_t *text, size_t size) {
    uint64_t word;
    memcpy(&word, text, 8);
    return size >= 8 ? word : word & (((uint64_t)1 << 8 * size) - 1);
}

/* Most tokens are short, and looking them up is most of the work. */
static key token_key(const engine *e, const uint8_t *text, size_t size) {
    if (size > 16) return hash(text, size, e->seed);
    uint64_t first = load(text, size), second = size > 8 ? load(text + 8, size - 8) : 0;
    return (key){mix(first ^ e->seed.a, second ^ e->seed.b ^ size), first ^ (second << 29 | second >> 35)};
}

static int64_t token_number(engine *e, const uint8_t *text, size_t size) {
    key k = token_key(e, text, size);
    slot *s = table_find(&e->tokens, k);
    if (s->value >= 0) return s->value;
    if (!append(&e->token_text, text, size) || !append(&e->token_text, "\n", 1)) return -1;
    return table_put(&e->tokens, k, e->token_count) ? e->token_count++ : -1;
}

static int emit(engine *e, const uint8_t *text, size_t size) {
    if (e->row_size == MAX_TOKENS) return 1;
    int64_t number = token_number(e, text, size);
    if (number < 0) return 0;
    e->last_slot = 0;
    e->row[e->row_size++] = (int32_t)number;
    return 1;
}

static int emit_slot(engine *e, int which) {
    e->slot_met = 1;
    if (e->last_slot == which) return 1;
    if (e->row_size == MAX_TOKENS) return 1;
    if (e->slots[which] < 0) e->slots[which] = token_number(e, (const uint8_t *)SLOTS[which - 1], strlen(SLOTS[which - 1]));
    if (e->slots[which] < 0) return 0;
    e->row[e->row_size++] = (int32_t)e->slots[which];
    e->last_slot = which;
    return 1;
}

/* ---- ASCII characters, folded --------------------------------------------------------------------------------------- */

enum { SPACE = 1, LETTER = 2, DIGIT = 4, UNDERSCORE = 8, HYPHEN = 16, NOT_LOCAL = 32, HEX_OR_COLON = 64, CLOSING = 128 };

static uint8_t CLASS[256]; /* what each folded character is; 0 beyond ASCII */
static uint8_t FOLDED[256];

/* What a chunk has to hold for some matches to be worth a try; `END` is where it ends. */
enum { WIDE = 1, AT = 2, COLON = 4, DOT = 8, END = 16 };
static uint8_t SEEN[256];

static void make_classes(void) {
    for (int c = 0; c < 256; c++) {
        int letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9', space = c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31);
        CLASS[c] = (uint8_t)((space ? SPACE | NOT_LOCAL : 0) | (letter ? LETTER : 0) | (digit ? DIGIT : 0) | (c == '_' ? UNDERSCORE : 0) |
                             (c == '-' ? HYPHEN : 0) | (c && strchr("@<>()[]\",;:", c) ? NOT_LOCAL : 0) |
                             (digit || (c >= 'a' && c <= 'f') || c == ':' ? HEX_OR_COLON : 0) | (c && strchr("<>()[]\",;", c) ? CLOSING : 0));
        SEEN[c] = (uint8_t)((c >= 0x80 ? WIDE : 0) | (c == '@' ? AT : 0) | (c == ':' ? COLON : 0) | (c == '.' ? DOT : 0) | (space ? END : 0));
        FOLDED[c] = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
}

static int is(int c, int classes) { return c >= 0 && (CLASS[c] & classes) != 0; }
static int is_letter(int c) { return is(c, LETTER); }
static int is_digit(int c) { return is(c, DIGIT); }
static int is_word(int c) { return is(c, LETTER | DIGIT | UNDERSCORE); }
static int is_hex_or_colon(int c) { return is(c, HEX_OR_COLON); }
static int is_space(int c) { return is(c, SPACE); }
static int is_local(int c) { return c >= 0 && !(CLASS[c] & NOT_LOCAL); }
static int lower(int c) { return FOLDED[c]; }

/* Behind the chunk at hand stands a byte that isn't part of it, so that looking one ahead is allowed; null bytes inside a
   text make no difference, since they are in no class but that of addresses. */
typedef struct { const uint8_t *s; int n; } chunk;

static int at(chunk c, int i) { return i >= 0 && i < c.n ? c.s[i] : -1; }

/* Length of the run of characters of some classes from a place on. */
static int run(chunk c, int from, int classes, int most) {
    int n = 0;
    while (n < most && from + n < c.n && CLASS[c.s[from + n]] & classes) n++;
    return n;
}

static int run_local(chunk c, int from, int most) {
    int n = 0;
    while (n < most && from + n < c.n && !(CLASS[c.s[from + n]] & NOT_LOCAL)) n++;
    return n;
}

#define LABEL (LETTER | DIGIT | UNDERSCORE | HYPHEN)

/* Each returns the length of what matches at `i`, 0 where nothing does; the alternatives of `masking._PARTS`. */

static int match_url(chunk c, int i) {
    static const char *const starts[] = {"http://", "https://", "ftp://", "www."};
    static const int sizes[] = {7, 8, 6, 4};
    if (c.s[i] != 'h' && c.s[i] != 'f' && c.s[i] != 'w') return 0;
    for (int k = 0; k < 4; k++) {
        int n = sizes[k];
        if (c.n - i > n && memcmp(c.s + i, starts[k], n) == 0) return c.n - i;
    }
    return 0;
}

static int match_address(chunk c, int i) {
    int local = run_local(c, i, 65);
    if (local < 1 || local > 64 || at(c, i + local) != '@') return 0;
    int domain = run_local(c, i + local + 1, 255);
    return domain ? local + 1 + domain : 0;
}

static int match_status(chunk c, int i) {
    int first = at(c, i), before = at(c, i - 1);
    if ((first != '2' && first != '4' && first != '5') || is_word(before) || before == '.' || at(c, i + 1) != '.') return 0;
    int subject = run(c, i + 2, DIGIT, 4);
    if (subject < 1 || subject > 3 || at(c, i + 2 + subject) != '.') return 0;
    int detail = run(c, i + 3 + subject, DIGIT, 4), end = i + 3 + subject + detail;
    if (detail < 1 || detail > 3 || is_word(at(c, end)) || (at(c, end) == '.' && is_digit(at(c, end + 1)))) return 0;
    return end - i;
}

static int match_ipv4(chunk c, int i) {
    if (is_word(at(c, i - 1)) || at(c, i - 1) == '.') return 0;
    int end = i;
    for (int part = 0; part < 4; part++) {
        if (part && at(c, end++) != '.') return 0;
        int digits = run(c, end, DIGIT, 4);
        if (digits < 1 || digits > 3) return 0;
        end += digits;
    }
    return is_word(at(c, end)) || at(c, end) == '.' ? 0 : end - i;
}

static int match_ipv6(chunk c, int i) {
    if (is_word(at(c, i - 1)) || at(c, i - 1) == ':') return 0;
    int length = run(c, i, HEX_OR_COLON, 39), ahead = 0, groups = 0, end = i;
    for (int k = 0; k < 40 && k <= length && !ahead; k++) ahead = at(c, i + k) == ':' && at(c, i + k + 1) == ':';
    while (!ahead && groups < 4) {
        int digits = 0;
        while (digits < 5 && is_hex_or_colon(at(c, end)) && at(c, end) != ':') digits++, end++;
        if (digits < 1 || digits > 4 || at(c, end) != ':') break;
        groups++, end++;
    }
    if ((!ahead && groups < 4) || length < 3) return 0;
    return is_word(at(c, i + length)) || at(c, i + length) == ':' ? 0 : length;
}

static int match_host(chunk c, int i) {
    int skip = 0;
    while (skip < 41 && (is_digit(at(c, i + skip)) || at(c, i + skip) == '.' || at(c, i + skip) == '-')) skip++;
    if (skip > 40 || !(is_letter(at(c, i + skip)) || at(c, i + skip) == '_')) return 0;
    int end = i + run(c, i, LABEL, 63), labels = 0;
    if (end == i) return 0;
    while (at(c, end) == '.') {
        int label = run(c, end + 1, LABEL, 63);
        if (!label) break;
        end += 1 + label, labels++;
    }
    return labels ? end - i : 0;
}

static int match_code(chunk c, int i) {
    int first = at(c, i), before = at(c, i - 1), after = at(c, i + 3);
    if ((first != '2' && first != '4' && first != '5') || !is_digit(at(c, i + 1)) || !is_digit(at(c, i + 2))) return 0;
    if (is_word(before) || before == '.' || before == ',' || is_word(after)) return 0;
    return (after == '.' || after == ',') && is_digit(at(c, i + 4)) ? 0 : 3;
}

static int match_family(chunk c, int i) {
    int before = at(c, i - 1);
    if (is_letter(before) || is_digit(before)) return 0;
    int letters = run(c, i, LETTER, 8), end = i + letters;
    if (letters < 1 || letters > 7) return 0;
    if (at(c, end) == '_' || at(c, end) == '#' || at(c, end) == '-') end++;
    int digits = run(c, end, DIGIT, 11), zeros = 0;
    while (zeros < 6 && at(c, end + zeros) == '0') zeros++;
    if (digits < 1 || digits > zeros + 4) return 0;
    end += digits;
    if (at(c, end) == '_') {
        int more = run(c, end + 1, DIGIT, 5), after = at(c, end + 1 + more);
        if (more >= 1 && more <= 4 && !is_letter(after) && !is_digit(after)) return end + 1 + more - i;
    }
    return is_letter(at(c, end)) || is_digit(at(c, end)) ? 0 : end - i;
}

static int match_mixed(chunk c, int i) {
    int k = i;
    if (!is_letter(at(c, i)) && !is_digit(at(c, i))) return 0;
    while (is_letter(at(c, k)) || at(c, k) == '_' || at(c, k) == '-') k++;
    return is_digit(at(c, k)) ? run(c, i, LABEL, MAX_CHUNK) : 0;
}

/* ---- Tokens of a match ------------------------------------------------------------------------------------------------ */

static int host_word(const engine *e, const uint8_t *word, int n) {
    slot *s = table_find(&e->hosts, hash(word, (size_t)n, e->seed));
    return s->value < 0 ? 0 : (int)s->value;
}

/* Letters with digits are an id; words joined by hyphens or underscores are words. */
static int emit_mixed(engine *e, const uint8_t *part, int n) {
    int digits = 0;
    for (int i = 0; i < n; i++) digits += is_digit(part[i]);
    if (digits) return emit_slot(e, digits == n ? NUM : ID);
    for (int i = 0; i < n;) {
        int from = i;
        while (i < n && is_letter(part[i])) i++;
        if (i > from && !emit(e, part + from, (size_t)(i - from > MAX_WORD ? MAX_WORD : i - from))) return 0;
        while (i < n && !is_letter(part[i])) i++;
    }
    return 1;
}

static int emit_host(engine *e, const uint8_t *part, int n) {
    int last = n;
    while (last > 0 && part[last - 1] != '.') last--;
    if (!(host_word(e, part + last, n - last) & 1)) {
        for (int i = 0; i <= n;) {
            int from = i;
            while (i < n && part[i] != '.') i++;
            if (!emit_mixed(e, part + from, i++ - from)) return 0;
        }
        return 1;
    }
    if (!emit_slot(e, HOST)) return 0;
    int from[MAX_CHUNK / 4 + 1], size[MAX_CHUNK / 4 + 1], found = 0;
    for (int i = 0; i < n;) {
        int start = i, again = 0;
        while (i < n && is_letter(part[i])) i++;
        if (i - start >= 3 && host_word(e, part + start, i - start) & 2) {
            for (int k = 0; k < found; k++) again |= size[k] == i - start && !memcmp(part + from[k], part + start, size[k]);
            if (!again) {
                from[found] = start, size[found++] = i - start;
                if (!emit(e, part + start, (size_t)(i - start))) return 0;
            }
        }
        while (i < n && !is_letter(part[i])) i++;
    }
    return 1;
}

static int emit_url(engine *e, const uint8_t *part, int n) {
    if (!emit_slot(e, URL)) return 0;
    int i = 0, words = 0;
    for (int k = 0; k + 1 < n; k++)
        if (part[k] == '/' && part[k + 1] == '/') {
            if (k + 2 < n) i = k + 2; /* nothing behind the slashes: the words of the whole */
            break;
        }
    while (i < n && words < MAX_WORDS_OF_URL) {
        int from = i;
        while (i < n && is_letter(part[i])) i++;
        int size = i - from;
        if (size > 24) from += size - 24, size = 24;
        if (size >= 3) {
            if (!emit(e, part + from, (size_t)size)) return 0;
            words++;
        }
        while (i < n && !is_letter(part[i])) i++;
    }
    return 1;
}

#define ONES 0x0101010101010101ULL

/* Length of the run of folded letters from a place on, eight at a time; 8 bytes beyond the text may be read. */
static int64_t letters(const uint8_t *s, int64_t most) {
    for (int64_t n = 0; n < most; n += 8) {
        uint64_t word;
        memcpy(&word, s + n, 8);
        uint64_t low = word & 0x7F * ONES, from_a = low + (0x80 - 'a') * ONES, beyond_z = low + (0x7F - 'z') * ONES;
        uint64_t others = ~(from_a & ~beyond_z & ~word) & 0x80 * ONES;
        if (others) {
            n += __builtin_ctzll(others) / 8;
            return n < most ? n : most;
        }
    }
    return most;
}

/* Length of a plain word at `i`: letters, and behind them what keeps every other alternative from matching. */
static int match_plain(chunk c, int i) {
    int n = (int)letters(c.s + i, c.n - i), next = at(c, i + n), last = i + n + 1 == c.n;
    if (!n) return 0;
    return next < 0 || is(next, CLOSING) || (last && (next == ':' || next == '.')) ? n : 0;
}

static int emit_chunk(engine *e, chunk c, int seen) {
    for (int i = 0; i < c.n && e->row_size < MAX_TOKENS;) {
        int n = match_plain(c, i);
        if (n) {
            if (!emit(e, c.s + i, (size_t)(n > MAX_WORD ? MAX_WORD : n))) return 0;
            i += n;
            continue;
        }
        if (!is_local(c.s[i]) && c.s[i] != ':') { i++; continue; }
        if ((n = match_url(c, i))) { if (!emit_url(e, c.s + i, n)) return 0; }
        else if (seen & AT && (n = match_address(c, i))) { if (!emit_slot(e, ADDR)) return 0; }
        else if (!is_word(c.s[i]) && c.s[i] != '-' && c.s[i] != ':') { i++; continue; }
        else if (seen & DOT && (n = match_status(c, i))) { if (!emit(e, c.s + i, (size_t)n)) return 0; }
        else if ((seen & DOT && (n = match_ipv4(c, i))) || (seen & COLON && (n = match_ipv6(c, i)))) { if (!emit_slot(e, IP)) return 0; }
        else if (seen & DOT && (n = match_host(c, i))) { if (!emit_host(e, c.s + i, n)) return 0; }
        else if ((n = match_code(c, i)) || (n = match_family(c, i))) { if (!emit(e, c.s + i, (size_t)n)) return 0; }
        else if ((n = match_mixed(c, i))) { if (!emit_mixed(e, c.s + i, n)) return 0; }
        else if ((n = run(c, i, LETTER, MAX_CHUNK))) { if (!emit(e, c.s + i, (size_t)(n > MAX_WORD ? MAX_WORD : n))) return 0; }
        else if ((n = run(c, i, DIGIT, MAX_CHUNK))) { if (!emit_slot(e, NUM)) return 0; }
        else n = 1;
        i += n;
    }
    return 1;
}

/* The slot that a token is, 0 for none. */
static int slot_of(const uint8_t *text, size_t size) {
    if (size && *text == '<')
        for (int k = 0; k < 6; k++)
            if (strlen(SLOTS[k]) == size && !memcmp(SLOTS[k], text, size)) return k + 1;
    return 0;
}

/* Tokens that Python found, one after another with spaces between. */
static int emit_known(engine *e, const uint8_t *text, size_t size) {
    const uint8_t *end = text + size;
    while (text < end) {
        const uint8_t *stop = memchr(text, ' ', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        int which = slot_of(text, n);
        if (!(which ? emit_slot(e, which) : emit(e, text, n))) return 0;
        text += n + 1;
    }
    return 1;
}

/* Tokens that were taught, by their numbers. */
static int emit_taught(engine *e, const uint8_t *numbers, uint32_t count) {
    for (uint32_t k = 0; k < count && e->row_size < MAX_TOKENS; k++) {
        int32_t number;
        memcpy(&number, numbers + k * sizeof number, sizeof number);
        if (number < 0) {
            if (!emit_slot(e, -number)) return 0;
        } else e->last_slot = 0, e->row[e->row_size++] = number;
    }
    return 1;
}

/* ---- Stretches ------------------------------------------------------------------------------------------------------------- */

enum { UNKNOWN = -1, ONCE = -2 };

/* Emit what is known of a stretch that begins here, up to its last chunk that stands here too; how many bytes that are.
   UNKNOWN where nothing is known of it yet, ONCE where it wasn't met before. `left` bytes are there, and 8 more may be read;
   `place` becomes where it belongs. */
static int64_t emit_stretch(engine *e, const uint8_t *text, int64_t left, int *place) {
    uint64_t hashed = mix(load(text, 8) ^ e->seed.a, load(text + 8, 8) ^ e->seed.b);
    uint32_t tag = (uint32_t)(hashed >> 32);
    *place = (int)(hashed % STRETCHES);
    mark *m = &e->marks[*place];
    if (m->tag != tag) {
        if (m->heat) m->heat--;
        else *m = (mark){.tag = tag};
        return ONCE;
    }
    if (!m->known) return UNKNOWN;
    const stretch *r = &e->stretches[*place];
    int64_t same = 0, most = r->size < left ? r->size : left;
    while (same < most) {
        uint64_t differs = load(r->text + same, 8) ^ load(text + same, 8);
        if (differs) {
            same += __builtin_ctzll(differs) / 8;
            break;
        }
        same += 8;
    }
    if (same > most) same = most;
    int chunks = r->chunks;
    while (chunks && r->ends[chunks - 1] > same) chunks--;
    if (!chunks) return UNKNOWN;
    int count = r->counts[chunks - 1], room = MAX_TOKENS - e->row_size;
    memcpy(e->row + e->row_size, r->ids, (size_t)(count < room ? count : room) * sizeof *r->ids);
    e->row_size += count < room ? count : room;
    if (count) e->last_slot = 0;
    m->heat = MOST_HEAT;
    return r->ends[chunks - 1];
}

/* A stretch that is being read: where it began in the text and in the row, and where it belongs. */
typedef struct { const uint8_t *text; int place, row, chunks; uint8_t ends[STRETCH_CHUNKS], counts[STRETCH_CHUNKS]; } reading;

/* Count a chunk in that ends before `next`; whether the stretch goes on. */
static int goes_on(reading *r, const engine *e, const uint8_t *next) {
    int64_t size = next - r->text, count = e->row_size - r->row;
    if (size > STRETCH_BYTES || count > STRETCH_TOKENS || r->chunks == STRETCH_CHUNKS || e->row_size == MAX_TOKENS) return 0;
    r->ends[r->chunks] = (uint8_t)size, r->counts[r->chunks++] = (uint8_t)count;
    return 1;
}

static void remember(engine *e, const reading *r) {
    if (!r->chunks || r->ends[r->chunks - 1] < STRETCH_KEY) return;
    stretch *known = &e->stretches[r->place];
    e->marks[r->place].known = 1;
    known->size = r->ends[r->chunks - 1], known->chunks = (uint8_t)r->chunks;
    memcpy(known->ends, r->ends, (size_t)r->chunks), memcpy(known->counts, r->counts, (size_t)r->chunks);
    memcpy(known->ids, e->row + r->row, r->counts[r->chunks - 1] * sizeof *known->ids);
    memcpy(known->text, r->text, known->size);
}

/* ---- A text ------------------------------------------------------------------------------------------------------------ */

static int hex_value(int c) {
    c = lower(c);
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether an ASCII character begins something that `decode.repair` might undo; saying yes too often costs time only. */
static int needs_repair(const uint8_t *s, int64_t n, int64_t i) {
    if (s[i] == 0x1b) return i + 1 < n && s[i + 1] == '$';
    if (s[i] == '&') return i + 1 < n && (s[i + 1] == '#' || is_letter(lower(s[i + 1])));
    if (s[i] == '\\')
        return i + 3 < n && (s[i + 1] == '0' || s[i + 1] == '2' || s[i + 1] == '3') && s[i + 2] >= '0' && s[i + 2] <= '7' &&
               s[i + 3] >= '0' && s[i + 3] <= '7';
    if (s[i] != '=' || i + 1 >= n) return 0;
    if (s[i + 1] == '?' || s[i + 1] == '\n' || s[i + 1] == '\r') return 1;
    if (i + 2 >= n || hex_value(s[i + 1]) < 0 || hex_value(s[i + 2]) < 0) return 0;
    if (s[i + 1] == '3' && lower(s[i + 2]) == 'd') return 1;
    return i + 3 < n && (s[i + 3] == '=' || s[i + 3] == '\r' || s[i + 3] == '\n');
}

static int64_t template_number(engine *e) {
    size_t size = (size_t)e->row_size * sizeof(int32_t);
    key k = hash((const uint8_t *)e->row, size, e->seed);
    slot *s = table_find(&e->templates, k);
    if (s->value >= 0) return s->value;
    if (!append(&e->ids, e->row, size)) return -3;
    int64_t end = (int64_t)(e->ids.size / sizeof(int32_t));
    if (!append(&e->ends, &end, sizeof end)) return -3;
    return table_put(&e->templates, k, e->template_count) ? e->template_count++ : -3;
}

static void start_row(engine *e) { e->row_size = 0, e->last_slot = 0; }

/* These two are loops that compilers turn into ones over many bytes at once. */
static void fold(const uint8_t *restrict s, int64_t n, uint8_t *restrict folded) {
    for (int64_t i = 0; i < n; i++) folded[i] = s[i] | (uint8_t)(((s[i] >= 'A') & (s[i] <= 'Z')) << 5);
}

static uint8_t all_bits(const uint8_t *s, int64_t n) {
    uint8_t all = 0;
    for (int64_t i = 0; i < n; i++) all |= s[i];
    return all;
}

/* What was taught of a text's non-ASCII chunks, NULL where nothing was. */
static const uint8_t *taught_of(const engine *e, const uint8_t *s, int64_t n) {
    key k = e->seed;
    for (int64_t i = 0; i < n;) {
        int64_t from = i;
        int wide = 0;
        while (i < n && !(CLASS[s[i]] & SPACE)) wide |= s[i++];
        if (wide >> 7) k = hash(s + from, (size_t)(i - from), k);
        while (i < n && CLASS[s[i]] & SPACE) i++;
    }
    slot *found = table_find(&e->chunks, k);
    return found->value < 0 ? NULL : e->taught.at + found->value;
}

/* Number of a text's template; ASK_WHOLE or ASK_CHUNKS where Python has to read it; -3 where memory ran out. */
static int64_t read_text(engine *e, const uint8_t *s, int64_t n) {
    uint8_t folded[MAX_TEXT + 1 + 16]; /* a space behind, so that the last chunk ends as the others do, and as `load` needs */
    if (n > MAX_TEXT) return ASK_WHOLE;
    fold(s, n, folded);
    uint8_t wide = all_bits(s, n);
    memset(folded + n, ' ', 17);
    for (const char *c = "=&\\\x1b"; *c; c++)
        for (const uint8_t *found = s; (found = memchr(found, *c, (size_t)(s + n - found))); found++)
            if (needs_repair(s, n, found - s)) return ASK_WHOLE;
    const uint8_t *known = NULL;
    if (wide >> 7 && !(known = taught_of(e, s, n))) return ASK_CHUNKS;
    start_row(e);
    reading r;
    enum { ASK, READ, PASS } now = ASK; /* whether a stretch may begin here, is being read, or passed by */
    for (int64_t i = 0; i < n && e->row_size < MAX_TOKENS;) {
        if (now == ASK && n + 1 - i >= STRETCH_KEY) {
            int64_t size = emit_stretch(e, folded + i, n + 1 - i, &r.place);
            if (size > 0) { i += size; continue; }
            r.text = folded + i, r.row = e->row_size, r.chunks = 0, now = size == ONCE ? PASS : READ;
        }
        int64_t from = i, word = letters(folded + i, n - i);
        e->slot_met = 0;
        if (word && CLASS[folded[i + word]] & SPACE) { /* most chunks are a word */
            if (!emit(e, folded + i, (size_t)(word > MAX_WORD ? MAX_WORD : word))) return -3;
            i += word + 1;
        } else {
            int seen = 0, of;
            while (!((of = SEEN[folded[i]]) & END)) seen |= of, i++; /* a space stands behind the text */
            if (seen & WIDE) {
                uint32_t count;
                memcpy(&count, known, sizeof count);
                if (!emit_taught(e, known + sizeof count, count)) return -3;
                known += sizeof count + count * sizeof(int32_t);
                e->slot_met = 1; /* what it is depends on the text's others, so it is in no stretch */
            } else if (i > from) {
                int size = (int)(i - from > MAX_CHUNK ? MAX_CHUNK : i - from);
                if (!emit_chunk(e, (chunk){folded + from, size}, seen)) return -3;
            }
            while (i < n && CLASS[s[i]] & SPACE) i++;
            i += i == n && !(CLASS[s[n - 1]] & SPACE);
        }
        if (now == READ && (e->slot_met || !goes_on(&r, e, folded + i))) remember(e, &r), now = ASK;
        if (e->slot_met) now = ASK;
    }
    if (now == READ) remember(e, &r);
    return template_number(e);
}

/* ---- What Python calls --------------------------------------------------------------------------------------------------- */

static void forget_slots(engine *e) {
    for (int i = 0; i < 7; i++) e->slots[i] = -1;
}

void bounceml_free(engine *e) {
    if (!e) return;
    table *tables[] = {&e->hosts, &e->tokens, &e->templates, &e->chunks};
    bytes *arrays[] = {&e->taught, &e->token_text, &e->ids, &e->ends};
    for (int i = 0; i < 4; i++) free(tables[i]->slots), free(arrays[i]->at);
    free(e->stretches), free(e);
}

/* `hosts` holds lines of a digit (1 top-level domain, 2 speaking label, 3 both) and a word. */
engine *bounceml_new(const uint8_t *hosts, int64_t size, uint64_t seed_a, uint64_t seed_b) {
    engine *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->seed = (key){seed_a, seed_b};
    make_classes();
    forget_slots(e);
    if (!table_make(&e->hosts, 4096) || !table_make(&e->tokens, 1 << 14) || !table_make(&e->templates, 1 << 14) ||
        !table_make(&e->chunks, 1 << 12) || !(e->stretches = calloc(STRETCHES, sizeof *e->stretches))) {
        bounceml_free(e);
        return NULL;
    }
    for (const uint8_t *at = hosts, *end = hosts + size; at < end;) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (!table_put(&e->hosts, hash(at + 1, (size_t)(stop - at - 1), e->seed), at[0] - '0')) {
            bounceml_free(e);
            return NULL;
        }
        at = stop + 1;
    }
    return e;
}

/* Templates of texts: text i is data[offsets[i]:offsets[i + 1]]. Texts whose `numbers` aren't `which` are left out. */
int64_t bounceml_read(engine *e, const uint8_t *data, const int64_t *offsets, int64_t n, int64_t *numbers, int64_t which) {
    for (int64_t i = 0; i < n; i++) {
        if (numbers[i] != which) continue;
        numbers[i] = read_text(e, data + offsets[i], offsets[i + 1] - offsets[i]);
        if (numbers[i] == -3) return -1;
    }
    return 0;
}

/* Keep the numbers of tokens, which have spaces between them, as `emit_taught` takes them. */
static int keep_taught(engine *e, const uint8_t *text, size_t size) {
    const uint8_t *end = text + size;
    size_t where = e->taught.size;
    uint32_t count = 0;
    if (!append(&e->taught, &count, sizeof count)) return 0;
    while (text < end) {
        const uint8_t *stop = memchr(text, ' ', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        int which = slot_of(text, n);
        int64_t number = which ? -which : token_number(e, text, n);
        int32_t kept = (int32_t)number;
        if ((!which && number < 0) || !append(&e->taught, &kept, sizeof kept)) return 0;
        text += n + 1, count++;
    }
    memcpy(e->taught.at + where, &count, sizeof count);
    return 1;
}

/* Teach the tokens of a text's non-ASCII chunks: lines in the order of the chunks, tokens with spaces between. Behind both
   stand 8 bytes more. */
int64_t bounceml_teach(engine *e, const uint8_t *text, int64_t n, const uint8_t *tokens, int64_t size) {
    key k = e->seed;
    int64_t chunks = 0, where = (int64_t)e->taught.size;
    const uint8_t *end = tokens + size;
    for (int64_t i = 0; i < n;) {
        int64_t from = i;
        int wide = 0;
        while (i < n && !is_space(text[i])) wide |= text[i++] >= 0x80;
        if (wide) {
            const uint8_t *stop = memchr(tokens, '\n', (size_t)(end - tokens));
            if (!stop) stop = end;
            k = hash(text + from, (size_t)(i - from), k);
            if (!keep_taught(e, tokens, (size_t)(stop - tokens))) return -1;
            tokens = stop < end ? stop + 1 : end;
            chunks++;
        }
        while (i < n && is_space(text[i])) i++;
    }
    return chunks && !table_put(&e->chunks, k, where) ? -1 : chunks;
}

/* Number of the template with these tokens, spaces between. */
int64_t bounceml_put(engine *e, const uint8_t *tokens, int64_t size) {
    start_row(e);
    bytes copy = {0};
    int64_t number = -1;
    if (append(&copy, tokens, (size_t)size) && emit_known(e, copy.at, (size_t)size)) number = template_number(e);
    free(copy.at);
    return number;
}

int64_t bounceml_token_count(const engine *e) { return e->token_count; }
int64_t bounceml_template_count(const engine *e) { return e->template_count; }
int64_t bounceml_taught_size(const engine *e) { return (int64_t)e->taught.size; }
int64_t bounceml_token_text(const engine *e, const uint8_t **at) { *at = e->token_text.at; return (int64_t)e->token_text.size; }
const int32_t *bounceml_ids(const engine *e) { return (const int32_t *)e->ids.at; }
const int64_t *bounceml_ends(const engine *e) { return (const int64_t *)e->ends.at; }

/* Forget templates, so that memory stays bounded; they are numbered from 0 again. */
int64_t bounceml_forget_templates(engine *e) {
    free(e->templates.slots);
    e->ids.size = e->ends.size = 0, e->template_count = 0;
    return table_make(&e->templates, 1 << 14) ? 0 : -1;
}

/* The same for tokens and for what was taught. */
int64_t bounceml_forget(engine *e) {
    table *tables[] = {&e->tokens, &e->chunks};
    for (int i = 0; i < 2; i++) {
        free(tables[i]->slots);
        if (!table_make(tables[i], 1 << 14)) return -1;
    }
    memset(e->marks, 0, sizeof e->marks);
    e->taught.size = e->token_text.size = 0, e->token_count = 0;
    forget_slots(e);
    return bounceml_forget_templates(e);
}

/* ---- Receivers ----------------------------------------------------------------------------------------------------------- */

enum { NO_TAIL = -1, ASK_TAIL = -2, MAX_TAIL = 255 };

/* Numbers of what stands behind the last `@` of each text, ASCII letters folded, among the engine's tokens: NO_TAIL where
   there is no `@`, ASK_TAIL where what stands behind it can't be a domain: more bytes than one has, or a line break. */
int64_t bounceml_tails(engine *e, const uint8_t *data, const int64_t *offsets, int64_t n, int64_t *numbers) {
    uint8_t tail[MAX_TAIL + 8] = {0}; /* as `load` needs */
    for (int64_t i = 0; i < n; i++) {
        int64_t size = 0, most = offsets[i + 1] - offsets[i];
        const uint8_t *end = data + offsets[i + 1];
        while (size < most && end[-1 - size] != '@') size++;
        if (size == most) { numbers[i] = NO_TAIL; continue; }
        if (size > MAX_TAIL || memchr(end - size, '\n', (size_t)size)) { numbers[i] = ASK_TAIL; continue; }
        for (int64_t k = 0; k < size; k++) tail[k] = FOLDED[end[k - size]];
        if ((numbers[i] = token_number(e, tail, (size_t)size)) < 0) return -1;
    }
    return 0;
}

/* ---- Logits ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t n_features, n_classes;
    uint64_t mask;
    uint64_t *prints; /* open addressing: fingerprint, 0 where empty */
    int32_t *rows;
    const double *squared_idf; /* idf², shape (n_features,) */
    const float *weights;      /* shape (n_features, n_classes) */
} model;

void bounceml_model_free(model *m) {
    if (!m) return;
    free(m->prints), free(m->rows), free(m);
}

/* The arrays stay the caller's and must outlive the model. */
model *bounceml_model_new(const uint64_t *prints, const double *squared_idf, const float *weights, int64_t n, int64_t n_classes) {
    uint64_t size = 1024;
    while (size < (uint64_t)n * 2) size *= 2;
    model *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->n_features = n, m->n_classes = n_classes, m->mask = size - 1, m->squared_idf = squared_idf, m->weights = weights;
    m->prints = calloc(size, sizeof *m->prints), m->rows = malloc(size * sizeof *m->rows);
    if (!m->prints || !m->rows) {
        bounceml_model_free(m);
        return NULL;
    }
    for (int64_t i = 0; i < n; i++) {
        uint64_t place = prints[i] & m->mask;
        while (m->prints[place]) place = (place + 1) & m->mask;
        m->prints[place] = prints[i], m->rows[place] = (int32_t)i;
    }
    return m;
}

static int64_t feature(const model *m, uint64_t print) {
    for (uint64_t place = print & m->mask; m->prints[place]; place = (place + 1) & m->mask)
        if (m->prints[place] == print) return m->rows[place];
    return -1;
}

/* The table and the weights are larger than the processor's caches, so n-grams are looked up some at a time: while one
   is waited for, the next ones are on their way. */
#define AT_ONCE 32

typedef struct { uint64_t prints[AT_ONCE]; int64_t rows[AT_ONCE]; int count, found; } lookup;

static void find_features(const model *m, lookup *l) {
    for (int i = 0; i < l->count; i++) {
        __builtin_prefetch(&m->prints[l->prints[i] & m->mask]);
        __builtin_prefetch(&m->rows[l->prints[i] & m->mask]);
    }
    for (int i = 0; i < l->count; i++) {
        int64_t row = feature(m, l->prints[i]);
        if (row >= 0) l->rows[l->found++] = row;
    }
    for (int i = 0; i < l->found; i++) {
        int64_t row = l->rows[i];
        const char *weights = (const char *)(m->weights + row * m->n_classes);
        for (int64_t at = 0; at < m->n_classes * (int64_t)sizeof(float); at += 64) __builtin_prefetch(weights + at);
        __builtin_prefetch(&m->squared_idf[row]);
    }
    l->count = 0;
}

/* Look up what was collected, and add its weights and squared idf. */
static void add_features(const model *m, lookup *l, double *total, double *squares) {
    find_features(m, l);
    for (int i = 0; i < l->found; i++) {
        const float *weights = m->weights + l->rows[i] * m->n_classes;
        *squares += m->squared_idf[l->rows[i]];
        for (int64_t c = 0; c < m->n_classes; c++) total[c] += weights[c];
    }
    l->found = 0;
}

/* Rows of n-grams among the weights, -1 for those that the model doesn't know. */
void bounceml_rows(const model *m, const uint64_t *prints, int64_t n, int32_t *rows) {
    for (int64_t i = 0; i < n; i++) rows[i] = (int32_t)feature(m, prints[i]);
}

/* Sums over single n-grams: those of token i have the fingerprints prints[ends[i - 1]:ends[i]]. Row i of `parts`, of shape
   (n, n_classes + 3), becomes totals, squared length, n-grams found and looked up. */
void bounceml_characters(const model *m, const uint64_t *prints, const int64_t *ends, int64_t n, double *parts) {
    int64_t k = 0;
    lookup l = {.count = 0, .found = 0};
    for (int64_t i = 0; i < n; i++) {
        double *part = parts + i * (m->n_classes + 3);
        part[m->n_classes + 2] += (double)(ends[i] - k);
        while (k < ends[i]) {
            while (k < ends[i] && l.count < AT_ONCE) l.prints[l.count++] = prints[k++];
            find_features(m, &l);
            part[m->n_classes + 1] += l.found;
            add_features(m, &l, part, &part[m->n_classes]);
        }
    }
}

/* ---- Answers ---------------------------------------------------------------------------------------------------------- */

/* What doesn't change from template to template: the calibration (`calibration.Calibration`) and the rules
   (`rule_index.Phrases`, and by rule the class that it names, -1 for none that counts, its precision and vote). */
typedef struct {
    const double *bias, *weights; /* by class; of the confidence's six features */
    double temperature, ask_rules_below, intercept, answer_from, suppress_from, edge;
    const uint8_t *is_kind, *is_dead; /* by class */
    int64_t unknown;                  /* the class of what says nothing, -1 where there is none */
    int64_t n_rules, n_phrases;
    const int32_t *rule_class;
    const double *precision, *vote;
    const uint8_t *needs; /* by rule: PHRASE, PATTERN or both */
    const int32_t *words, *rule; /* by phrase; patterns are phrases of no words */
    const uint64_t *inner;
    const int64_t *inner_ends;
} judge;

enum { PHRASE = 1, PATTERN = 2 };

/* What is known of tokens by their numbers: fingerprints, rows among the weights (`bounceml_rows`), what their characters add (`bounceml_characters`), and the
   phrases that they may begin, begins[begin_ends[t - 1]:begin_ends[t]], and end. */
typedef struct {
    const uint64_t *prints;
    const int32_t *rows;
    const double *parts;
    const int32_t *begins;
    const int64_t *begin_ends;
    const int32_t *lasts;
    const int64_t *last_ends;
} tokens;

/* What is found of each template: its class, -1 where the answer is "unknown" for want of confidence; the rule that
   turned the model's answer, -1 where none did; the confidence; whether the address is surely dead. */
typedef struct {
    int32_t *best, *turned;
    double *confidence;
    uint8_t *sure;
} answers;

/* Sums over the word block of a template: single tokens and pairs. */
static void add_words(const model *m, const tokens *t, const int32_t *ids, int64_t n, double *total, double *squares) {
    lookup l = {.count = 0, .found = 0};
    for (int64_t k = 0; k < n; k++) {
        if (t->rows[ids[k]] >= 0) l.rows[l.found++] = t->rows[ids[k]];
        if (k + 1 < n) {
            uint64_t next = t->prints[ids[k + 1]];
            l.prints[l.count++] = t->prints[ids[k]] * PAIR + (next ^ (next >> 29));
        }
        if (l.count + l.found > AT_ONCE - 2) add_features(m, &l, total, squares);
    }
    add_features(m, &l, total, squares);
}

/* Mark the rules whose phrases or patterns stand in a template. */
static void mark_rules(const judge *j, const tokens *t, const int32_t *ids, int64_t n, uint8_t *marks) {
    for (int64_t k = 0; k < n; k++) {
        int32_t token = ids[k];
        for (int64_t b = token ? t->begin_ends[token - 1] : 0; b < t->begin_ends[token]; b++) {
            int32_t p = t->begins[b], count = j->words[p], found = count < 2;
            if (count >= 2 && k + count <= n) {
                int32_t last = ids[k + count - 1];
                for (int64_t l = last ? t->last_ends[last - 1] : 0; l < t->last_ends[last] && !found; l++) found = t->lasts[l] == p;
                const uint64_t *expected = j->inner + j->inner_ends[p] - (count - 2);
                for (int32_t w = 0; w < count - 2 && found; w++) found = t->prints[ids[k + 1 + w]] == expected[w];
            }
            if (found) marks[j->rule[p]] |= count ? PHRASE : PATTERN;
        }
    }
}

/* The same for many templates: `marks` has shape (n, n_rules). */
void bounceml_phrases(const int32_t *ids, const int64_t *starts, const int64_t *ends, int64_t n, const uint64_t *prints,
                      const int32_t *begins, const int64_t *begin_ends, const int32_t *lasts, const int64_t *last_ends,
                      const int32_t *words, const int32_t *rule, const uint64_t *inner, const int64_t *inner_ends,
                      int64_t n_rules, uint8_t *marks) {
    judge j = {.words = words, .rule = rule, .inner = inner, .inner_ends = inner_ends};
    tokens t = {.prints = prints, .begins = begins, .begin_ends = begin_ends, .lasts = lasts, .last_ends = last_ends};
    for (int64_t i = 0; i < n; i++) mark_rules(&j, &t, ids + starts[i], ends[i] - starts[i], marks + i * n_rules);
}

static double log_odds(double p, double edge) {
    p = p < edge ? edge : p > 1 - edge ? 1 - edge : p;
    return log(p / (1 - p));
}

/* The greatest of n values, the first where several are. */
static int64_t greatest(const double *values, int64_t n) {
    int64_t best = 0;
    for (int64_t c = 1; c < n; c++)
        if (values[c] > values[best]) best = c;
    return best;
}

/* Values to probabilities, in place. */
static void softmax(double *values, int64_t n) {
    double top = values[greatest(values, n)], sum = 0;
    for (int64_t c = 0; c < n; c++) sum += values[c] = exp(values[c] - top);
    for (int64_t c = 0; c < n; c++) values[c] /= sum;
}

/* `work` has room for 3 (n_classes + 3) numbers, `decides` for n_classes, `marks` for n_rules. */
static void judge_one(const model *m, const judge *j, const tokens *t, const int32_t *ids, int64_t n, const uint8_t *allowed,
                      double *work, int32_t *decides, uint8_t *marks, const answers *out, int64_t i) {
    int64_t classes = m->n_classes, width = classes + 3;
    double *words = work, *characters = words + width, *p = characters + width, squares = 0;
    memset(work, 0, (size_t)(2 * width) * sizeof *work);
    add_words(m, t, ids, n, words, &squares);
    for (int64_t k = 0; k < n; k++) {
        const double *part = t->parts + (int64_t)ids[k] * width;
        for (int64_t c = 0; c < width; c++) characters[c] += part[c];
    }
    double length = squares > 0 ? sqrt(squares) : 1, other = characters[classes] > 0 ? sqrt(characters[classes]) : 1;
    double looked_up = characters[classes + 2], known = characters[classes + 1] / (looked_up > 1 ? looked_up : 1);
    for (int64_t c = 0; c < classes; c++) {
        words[c] = j->bias[c] + words[c] / length + characters[c] / other; /* the logits */
        p[c] = words[c] / j->temperature;
    }
    softmax(p, classes);
    int64_t model_best = greatest(words, classes), best = model_best;
    int asked = p[greatest(p, classes)] < j->ask_rules_below, named = 0;
    for (int64_t c = 0; c < classes; c++) decides[c] = -1;
    if (asked) {
        memset(marks, 0, (size_t)j->n_rules);
        mark_rules(j, t, ids, n, marks);
        for (int64_t r = 0; r < j->n_rules; r++) {
            int32_t c = j->rule_class[r];
            if (c < 0 || !allowed[r] || (marks[r] & j->needs[r]) != j->needs[r]) continue;
            if (decides[c] < 0 || j->precision[r] > j->precision[decides[c]]) decides[c] = (int32_t)r;
            named = 1;
        }
    }
    if (named) {
        for (int64_t c = 0; c < classes; c++) p[c] = words[c] / j->temperature + (decides[c] < 0 ? 0 : j->vote[decides[c]]);
        softmax(p, classes);
        best = greatest(p, classes);
    } else best = greatest(p, classes);
    double first = p[best], second = 0;
    for (int64_t c = 0; c < classes; c++)
        if (c != best && p[c] > second) second = p[c];
    int agrees = decides[best] >= 0, turned = best != model_best;
    double odds = log_odds(first, j->edge), unseen = 1 - known;
    double margin = log(first > j->edge ? first : j->edge) - log(second > j->edge ? second : j->edge);
    double features[] = {odds, margin, unseen, unseen * odds, agrees, named && !agrees}, z = 0;
    for (int k = 0; k < 6; k++) z += j->weights[k] * features[k];
    z += j->intercept;
    double confidence = 1 / (1 + exp(-(z > 700 ? 700 : z < -700 ? -700 : z)));
    double rest = 1 - first, scale = rest > 0 ? (1 - confidence) / rest : 0, dead = 0;
    for (int64_t c = 0; c < classes; c++)
        if (j->is_dead[c]) dead += c == best ? confidence : p[c] * scale;
    int lacks = confidence < j->answer_from && !turned && !j->is_kind[best];
    if (lacks && j->unknown != best) confidence = j->unknown < 0 ? 0 : p[j->unknown] * scale;
    out->best[i] = lacks ? -1 : (int32_t)best;
    out->turned[i] = turned ? decides[best] : -1;
    out->confidence[i] = confidence;
    out->sure[i] = dead >= j->suppress_from;
}

/* Answers to templates, `template_scores.TemplateScorer`. Token numbers stand in ids[starts[i]:ends[i]]; template i has the
   codes which[i], and `allowed`, of shape (n_codes, n_rules), says which rules they allow. Returns -1 where memory ran out. */
int64_t bounceml_judge(const model *m, const judge *j, const tokens *t, const int32_t *ids, const int64_t *starts,
                       const int64_t *ends, int64_t n, const int64_t *which, const uint8_t *allowed, const answers *out) {
    double *work = malloc((size_t)(3 * (m->n_classes + 3)) * sizeof *work);
    int32_t *decides = malloc((size_t)m->n_classes * sizeof *decides);
    uint8_t *marks = malloc((size_t)j->n_rules + 1);
    int made = work && decides && marks;
    for (int64_t i = 0; made && i < n; i++)
        judge_one(m, j, t, ids + starts[i], ends[i] - starts[i], allowed + which[i] * j->n_rules, work, decides, marks, out, i);
    free(work), free(decides), free(marks);
    return made ? 0 : -1;
}

/* Bits of `template_scores._bits`. */
enum { IS_REPLY = 1, IS_ENHANCED = 2, IS_USED = 4, INTRODUCES = 8, IS_UNIT = 16, ACCEPTS = 32 };

/* Numbers of the tokens that are the codes of templates, as `codes.codes_in` finds them; -1 for none. `roles` is by token. */
void bounceml_codes(const int32_t *ids, const int64_t *starts, const int64_t *ends, int64_t n, const uint8_t *roles,
                    int64_t *reply, int64_t *enhanced) {
    for (int64_t i = 0; i < n; i++) {
        int64_t any = -1, refusal = -1, found = -1;
        for (int64_t k = starts[i]; k < ends[i]; k++) {
            uint8_t role = roles[ids[k]];
            if (!(role & (IS_REPLY | IS_ENHANCED))) continue;
            if (role & IS_ENHANCED && found < 0) found = ids[k];
            if (!(role & IS_REPLY) || refusal >= 0) continue;
            uint8_t before = k > starts[i] ? roles[ids[k - 1]] : INTRODUCES, after = k + 1 < ends[i] ? roles[ids[k + 1]] : 0;
            if (!(before & INTRODUCES || after & IS_ENHANCED || role & IS_USED) || after & IS_UNIT) continue;
            if (any < 0) any = ids[k];
            if (!(role & ACCEPTS)) refusal = ids[k];
        }
        reply[i] = refusal >= 0 ? refusal : any, enhanced[i] = found;
    }
}
