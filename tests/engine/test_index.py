"""Orders by id and by account."""

import random

from disorderbook.engine.index import ENTRIES_AT_ONCE, ENTRY, Register
from disorderbook.engine.orders import Order, OrderType, Side


def test_it_finds_what_was_added_and_not_removed() -> None:
    draw, register, held = random.Random(5), Register(), {}
    for number in range(3000):
        account = draw.choice("abc")
        order = Order(number, "V", "S", account, Side.BUY, OrderType.LIMIT, 1, 1, 0, 1)
        register.add(order)
        held[number] = order
        if number % 3:
            register.remove(held.pop(draw.choice(list(held))))
        if number % 500 == 0:
            for account in "abc":
                ours = [order for order in held.values() if order.account == account]
                assert ids_of(register, account) == sorted(order.id for order in ours)
            assert len(register) == len(held)
    assert all(register.find(number) is held.get(number) for number in range(-3, 3003))
    assert register.next_id == 3000


def test_nothing_is_left_of_an_account_without_orders() -> None:
    register = Register()
    order = Order(0, "V", "S", "ann", Side.BUY, OrderType.LIMIT, 1, 1, 0, 1)
    register.add(order)
    register.remove(order)
    assert ids_of(register, "ann") == [] and not register._accounts
    assert register.find(0) is None and register.next_id == 1


def ids_of(register: Register, account: str) -> list[int]:
    """All of an account, some at a time."""
    ids: list[int] = []
    start = 0
    while start < register.next_id:
        found, start = register.ids_of(account, start, 10)
        assert len(found) < 10 + ENTRY and all(number < start for number in found)
        ids += found
    return ids


def test_ids_from_the_middle_of_an_entry_on() -> None:
    register = Register()
    for number in range(200):
        register.add(Order(number, "V", "S", "ann", Side.BUY, OrderType.LIMIT, 1, 1, 0, 1))
    ids, start = register.ids_of("ann", 70, 1)
    assert (ids, start) == (list(range(70, 128)), 128)


def test_only_so_many_entries_are_looked_up_at_once() -> None:
    register = Register()
    for number in (0, 2 * ENTRIES_AT_ONCE * ENTRY):
        register.add(Order(number, "V", "S", "ann", Side.BUY, OrderType.LIMIT, 1, 1, 0, 1))
    assert register.ids_of("ann", 0, 10) == ([0], ENTRIES_AT_ONCE * ENTRY)
    assert ids_of(register, "ann") == [0, 2 * ENTRIES_AT_ONCE * ENTRY]
