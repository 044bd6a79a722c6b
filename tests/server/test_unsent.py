"""What waits for clients is counted once however many wait for it, and is never copied."""

import random

from disorderbook.server.unsent import MAX_PIECES, Outgoing, Part, SharedChunks, Unsent, chunks_of


def test_a_chunk_counts_once_until_the_last_holder_drops_it() -> None:
    unsent, chunk, twin = Unsent(), b"x" * 1000, bytes(bytearray(b"x" * 1000))
    unsent.add(chunk)
    unsent.add(chunk)
    assert unsent.bytes == 1000 and unsent.growth([chunk]) == 0
    assert unsent.growth([chunk, twin]) == 1000  # equal, and in memory a second time
    unsent.drop(chunk)
    assert unsent.bytes == 1000
    unsent.drop(chunk)
    assert unsent.bytes == 0 and unsent.growth([chunk]) == 1000


def test_slices_are_references_of_the_length_that_was_asked_for() -> None:
    chunks = [b"a" * 700, b"", b"b" * 300, b"c" * 2500]
    unsent = Unsent()
    outgoing = Outgoing(chunks, unsent)
    slices = []
    while not outgoing.is_given:
        slices.append(outgoing.slice(1000))
    assert [sum(map(len, parts)) for parts in slices] == [1000, 1000, 1000, 500]
    assert b"".join(b"".join(parts) for parts in slices) == b"".join(chunks)
    for part in (part for parts in slices for part in parts):
        whole = part.obj if isinstance(part, memoryview) else part
        assert any(whole is chunk for chunk in chunks)


def test_what_the_client_has_taken_counts_no_more_and_is_let_go_of() -> None:
    unsent = Unsent()
    outgoing = Outgoing([b"a" * 1000, b"b" * 500], unsent)
    assert unsent.bytes == 1500
    outgoing.slice(600)
    outgoing.slice(600)
    assert unsent.bytes == 1500  # the second slice has the rest of the first chunk
    outgoing.slice(600)
    assert unsent.bytes == 500 and outgoing.is_given
    assert outgoing.slice(600) == [] and unsent.bytes == 0


class CountingUnsent(Unsent):
    def __init__(self) -> None:
        super().__init__()
        self.counted = 0  # parts and chunks, each time

    def add(self, part: Part) -> None:
        self.counted += 1
        super().add(part)

    def drop(self, part: Part) -> None:
        self.counted += 1
        super().drop(part)


def test_shared_chunks_are_one_thing_for_each_further_client() -> None:
    unsent, shared = CountingUnsent(), SharedChunks([b"%d" % number for number in range(1000)])
    clients = [Outgoing([b"head", shared], unsent)]
    unsent.counted = 0
    clients += [Outgoing([b"another", shared], unsent) for _ in range(9)]
    for client in clients[1:]:
        assert b"".join(client.slice(10)) == b"another012"
        assert unsent.growth([shared]) == 0
        client.close()
    assert unsent.counted == 2 * 9 * 2
    assert unsent.bytes == len(b"head") + len(shared)
    clients[0].close()
    assert unsent.bytes == 0


def test_a_chunk_of_several_versions_counts_once_until_all_are_sent() -> None:
    unsent = Unsent()
    kept, old, new = b"k" * 1000, b"o" * 100, b"n" * 10
    before, after = SharedChunks([kept, old]), SharedChunks([kept, new])
    first = Outgoing([before], unsent)
    assert unsent.growth([after, kept]) == 10
    second, alone = Outgoing([after], unsent), Outgoing([kept], unsent)
    assert unsent.bytes == 1110
    first.close()
    assert unsent.bytes == 1010
    second.close()
    assert unsent.bytes == 1000
    alone.close()
    assert unsent.bytes == 0


def test_closing_drops_all_that_is_left_once() -> None:
    unsent, shared = Unsent(), b"s" * 1000
    first, second = (Outgoing([b"h" * 10 * n, shared], unsent) for n in (1, 2))
    assert unsent.bytes == 1030
    first.slice(500)
    first.close()
    first.close()
    assert unsent.bytes == 1020
    second.close()
    assert unsent.bytes == 0


def test_a_slice_has_no_more_parts_than_the_system_takes_at_once() -> None:
    outgoing = Outgoing([b"x"] * (MAX_PIECES + 1), Unsent())
    assert len(outgoing.slice(10**6)) == MAX_PIECES
    assert len(outgoing.slice(10**6)) == 1 and outgoing.is_given


def test_any_chunks_in_any_slices_are_the_same_bytes() -> None:
    chance = random.Random(7)
    for _ in range(200):
        chunks = [chance.randbytes(chance.randrange(50)) for _ in range(chance.randrange(10))]
        parts: list[Part] = []
        for chunk in chunks:
            is_one = chance.random() < 0.5
            parts.append(chunk if is_one else SharedChunks([chunk] * chance.randrange(3)))
        chunks = chunks_of(parts)
        unsent, sent = Unsent(), b""
        outgoing = Outgoing(parts, unsent)
        while not outgoing.is_given:
            sent += b"".join(outgoing.slice(chance.randrange(1, 80)))
        outgoing.close()
        assert sent == b"".join(chunks) and unsent.bytes == 0
