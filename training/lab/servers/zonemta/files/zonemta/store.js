// As much of a MongoDB server, in memory, as ZoneMTA's queue asks for: the wire protocol's OP_MSG with find, insert,
// update, delete, findAndModify and count, filters by comparison, and $set, $unset and $inc. It fails on all else.
'use strict';
const net = require('net');
const { deserialize, serialize, Long, ObjectId } = require('/zonemta/node_modules/bson');

const OP_REPLY = 1, OP_QUERY = 2004, OP_MSG = 2013;
const collections = new Map();

const plain = value =>
    value instanceof ObjectId ? value.toHexString() : value instanceof Date ? value.getTime() : value;
const rows = name => collections.get(name) || collections.set(name, []).get(name);
const at = (row, path) => path.split('.').reduce((value, key) => (value === null || value === undefined ? value : value[key]), row);

const compare = {
    $eq: (a, b) => (a === undefined ? null : a) === b,
    $ne: (a, b) => (a === undefined ? null : a) !== b,
    $lt: (a, b) => a < b,
    $lte: (a, b) => a <= b,
    $gt: (a, b) => a > b,
    $gte: (a, b) => a >= b,
    $in: (a, b) => b.map(plain).includes(a),
    $nin: (a, b) => !b.map(plain).includes(a),
    $exists: (a, b) => (a !== undefined) === Boolean(b)
};

function matches(row, filter) {
    return Object.entries(filter).every(([key, wanted]) => {
        if (key === '$or') return wanted.some(one => matches(row, one));
        if (key === '$and') return wanted.every(one => matches(row, one));
        const value = plain(at(row, key));
        const isOperators = wanted && wanted.constructor === Object && Object.keys(wanted).some(k => k[0] === '$');
        const tests = isOperators ? Object.entries(wanted) : [['$eq', wanted]];
        return tests.every(([operator, operand]) => {
            if (!compare[operator]) throw new Error(`no ${operator} here`);
            return compare[operator](value, plain(operand));
        });
    });
}

function change(row, update) {
    for (const [operator, fields] of Object.entries(update)) {
        for (const [path, value] of Object.entries(fields)) {
            const keys = path.split('.'), last = keys.pop();
            const target = keys.reduce((inner, key) => (inner[key] = inner[key] || {}), row);
            if (operator === '$set') target[last] = value;
            else if (operator === '$unset') delete target[last];
            else if (operator === '$inc') target[last] = (target[last] || 0) + value;
            else throw new Error(`no ${operator} here`);
        }
    }
}

function sorted(found, sort) {
    const keys = Object.entries(sort || {});
    const order = (a, b) => keys.reduce((sign, [key, way]) => {
        const [x, y] = [plain(at(a, key)), plain(at(b, key))];
        return sign || (x < y ? -way : x > y ? way : 0);
    }, 0);
    return keys.length ? [...found].sort(order) : found;
}

function remove(name, chosen) {
    collections.set(name, rows(name).filter(row => !chosen.has(row)));
}

const commands = {
    insert(c) {
        rows(c.insert).push(...c.documents);
        return { n: c.documents.length };
    },
    find(c) {
        const found = sorted(rows(c.find).filter(row => matches(row, c.filter || {})), c.sort);
        const limit = Number(c.limit || 0);
        return cursor(c, c.find, found.slice(Number(c.skip || 0), limit ? Math.abs(limit) + Number(c.skip || 0) : undefined));
    },
    aggregate(c) {
        const [{ $match: filter }, second] = c.pipeline;
        if (!second.$group) throw new Error('only counts here');
        const n = rows(c.aggregate).filter(row => matches(row, filter || {})).length;
        return cursor(c, c.aggregate, n ? [{ _id: 1, n }] : []);
    },
    update(c) {
        let n = 0;
        for (const { q, u, multi } of c.updates) {
            const found = rows(c.update).filter(row => matches(row, q));
            for (const row of multi ? found : found.slice(0, 1)) change(row, u), n++;
        }
        return { n, nModified: n };
    },
    delete(c) {
        let n = 0;
        for (const { q, limit } of c.deletes) {
            const found = rows(c.delete).filter(row => matches(row, q));
            const chosen = new Set(limit ? found.slice(0, 1) : found);
            remove(c.delete, chosen);
            n += chosen.size;
        }
        return { n };
    },
    findAndModify(c) {
        const row = sorted(rows(c.findAndModify).filter(each => matches(each, c.query || {})), c.sort)[0];
        if (!row) return { value: null, lastErrorObject: { n: 0, updatedExisting: false } };
        const before = deserialize(serialize(row));
        if (c.remove) remove(c.findAndModify, new Set([row]));
        else change(row, c.update);
        return { value: c.new ? row : before, lastErrorObject: { n: 1, updatedExisting: !c.remove } };
    },
    listIndexes: c => cursor(c, c.listIndexes, [{ v: 2, key: { _id: 1 }, name: '_id_' }]),
    createIndexes: () => ({ note: 'none needed' }),
    hello: () => ({
        helloOk: true, ismaster: true, isWritablePrimary: true, maxBsonObjectSize: 1 << 24, maxMessageSizeBytes: 48000000,
        maxWriteBatchSize: 100000, localTime: new Date(), minWireVersion: 0, maxWireVersion: 13, readOnly: false
    }),
    ping: () => ({}),
    endSessions: () => ({}),
    killCursors: () => ({})
};
commands.isMaster = commands.ismaster = commands.hello;

function cursor(c, name, firstBatch) {
    return { cursor: { id: Long.fromNumber(0), ns: `${c.$db}.${name}`, firstBatch } };
}

function run(command) {
    const name = Object.keys(command)[0];
    try {
        if (!commands[name]) throw new Error(`no ${name} here`);
        return { ...commands[name](command), ok: 1 };
    } catch (err) {
        console.error(`store: ${err.message}: ${JSON.stringify(command).slice(0, 400)}`);
        return { ok: 0, errmsg: err.message, code: 59, codeName: 'CommandNotFound' };
    }
}

function read(body) {
    const command = deserialize(body.subarray(5), { allowObjectSmallerThanBufferSize: true, promoteBuffers: true });
    let offset = 5 + body.readInt32LE(5);
    while (offset < body.length && body[offset] === 1) {
        const end = offset + 1 + body.readInt32LE(offset + 1);
        const nameEnd = body.indexOf(0, offset + 5);
        const documents = [];
        for (let i = nameEnd + 1; i < end; i += body.readInt32LE(i)) {
            documents.push(deserialize(body.subarray(i, i + body.readInt32LE(i)), { promoteBuffers: true }));
        }
        command[body.toString('utf8', offset + 5, nameEnd)] = documents;
        offset = end;
    }
    return command;
}

function message(opCode, responseTo, parts) {
    const header = Buffer.alloc(16);
    header.writeInt32LE(parts.reduce((sum, part) => sum + part.length, 16), 0);
    header.writeInt32LE(responseTo, 8);
    header.writeInt32LE(opCode, 12);
    return Buffer.concat([header, ...parts]);
}

function answer(data) {
    const id = data.readInt32LE(4), opCode = data.readInt32LE(12), body = data.subarray(16);
    if (opCode === OP_MSG) {
        return message(OP_MSG, id, [Buffer.alloc(5), serialize(run(read(body)))]);
    }
    if (opCode !== OP_QUERY) throw new Error(`no opcode ${opCode} here`);
    const query = deserialize(body.subarray(body.indexOf(0, 4) + 9), { allowObjectSmallerThanBufferSize: true });
    const fields = Buffer.alloc(20);
    fields.writeInt32LE(8, 0);
    fields.writeInt32LE(1, 16);
    return message(OP_REPLY, id, [fields, serialize(run(query))]);
}

net.createServer(socket => {
    let data = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', chunk => {
        data = Buffer.concat([data, chunk]);
        while (data.length >= 16 && data.length >= data.readInt32LE(0)) {
            const size = data.readInt32LE(0);
            socket.write(answer(data.subarray(0, size)));
            data = data.subarray(size);
        }
    });
}).listen(27017, '127.0.0.1');
