"""Orders by id and by account."""

import random

from disorderbook.engine.index import Register
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
                assert register.of_account(account) == sorted(ours, key=lambda o: o.id)
            assert len(register) == len(held)
    assert all(register.find(number) is held.get(number) for number in range(-3, 3003))
    assert register.next_id == 3000


def test_nothing_is_left_of_an_account_without_orders() -> None:
    register = Register()
    order = Order(0, "V", "S", "ann", Side.BUY, OrderType.LIMIT, 1, 1, 0, 1)
    register.add(order)
    register.remove(order)
    assert register.of_account("ann") == [] and not register._accounts
    assert register.find(0) is None and register.next_id == 1
