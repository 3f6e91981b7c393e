"""What the recorder takes down of LMTP dialogues."""

from lab.lmtp import Recorder, Refusal

GREETING = b"220 mail LMTP\r\n250-mail\r\n250 PIPELINING\r\n250 2.1.0 OK\r\n"
OPENING = b"LHLO mail\r\nMAIL FROM:<lee@example.com>\r\n"


def test_refusals_of_each_stage_are_kept_by_recipient() -> None:
    recorder = Recorder()
    recorder.read(
        OPENING + b"RCPT TO:<no@example.net>\r\nRCPT TO:<kim@example.net>\r\nRCPT TO:<full@example.net>\r\n"
        b"DATA\r\nSubject: RCPT\r\n\r\nRCPT TO:<x>\r\n.\r\nQUIT\r\n",
        GREETING + b"550-5.1.1 Not\r\n550 5.1.1 here\r\n250 2.1.5 OK\r\n250 2.1.5 OK\r\n354 Go\r\n"
        b"250 2.0.0 Saved\r\n452 4.2.2 Over quota\r\n221 Bye\r\n",
    )
    assert recorder.refused == {
        "no@example.net": Refusal("rcpt", ("550-5.1.1 Not", "550 5.1.1 here")),
        "full@example.net": Refusal("end", ("452 4.2.2 Over quota",)),
    }


def test_dialogue_that_breaks_off_keeps_what_was_said() -> None:
    recorder = Recorder()
    recorder.read(OPENING + b"RCPT TO:<no@example.net>\r\nDATA\r\n", GREETING + b"550 5.1.1 No\r\n")
    assert recorder.refused == {"no@example.net": Refusal("rcpt", ("550 5.1.1 No",))}
