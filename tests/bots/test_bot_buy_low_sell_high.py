"""Buy-low-sell-high waits, rests on the right side of the price, and knows what it owns."""

from bot_buy_low_sell_high import DISTANCE, QUANTITY, BuyLowSellHigh
from live import Exchange
from stockfighter_minimal import Client, Order, parse_fills_from_response


def a_bot(exchange: Exchange, venue: str) -> tuple[BuyLowSellHigh, list[str]]:
    said: list[str] = []
    bot = BuyLowSellHigh(
        Client(exchange.url), venue=venue, account="BLSHBOTS", seed=1, say=said.append
    )
    return bot, said


def trade(bot: BuyLowSellHigh, direction: str, quantity: int, price: int) -> None:
    """Somebody else's order."""
    assert bot.client.execute(Order(bot.venue, "FOOBAR", direction, quantity, price, "limit", "X"))


def test_it_waits_for_a_price_and_says_so_once(exchange: Exchange, venue: str) -> None:
    bot, said = a_bot(exchange, venue)
    for _ in range(3):
        bot.step()
    assert bot.sent == 0
    assert said == [f"Waiting for a price of FOOBAR at {venue}."]


def test_without_shares_it_rests_on_either_side(exchange: Exchange, venue: str) -> None:
    bot, _ = a_bot(exchange, venue)
    trade(bot, "sell", 1, 5000)
    trade(bot, "buy", 1, 5000)
    for _ in range(10):
        bot.step()
    resting = {(order["direction"], order["price"]) for order in bot.resting.values()}
    assert resting == {("buy", 5000 - DISTANCE), ("sell", 5000 + DISTANCE)}


def test_it_sells_what_it_owns_and_buys_back_what_it_owes(exchange: Exchange, venue: str) -> None:
    bot, said = a_bot(exchange, venue)
    bot.place("buy", QUANTITY, 5000)
    trade(bot, "sell", 70, 4000)  # at 5000, the standing price
    bot.step()
    newest = bot.resting[max(bot.resting)]
    assert said[-2] == "Shares: 70, cents: -350000, NAV: 0 (last price 5000)"
    assert (newest["direction"], newest["price"]) == ("sell", 5000 + DISTANCE)

    trade(bot, "sell", 30, 5000)  # the rest of its first order
    trade(bot, "buy", QUANTITY, 5050)  # all that it offers
    bot.place("sell", QUANTITY, 5050)
    trade(bot, "buy", QUANTITY, 5050)
    bot.step()
    newest = bot.resting[max(bot.resting)]
    assert said[-2] == "Shares: -100, cents: 510000, NAV: 5000 (last price 5050)"
    assert (newest["direction"], newest["price"]) == ("buy", 5050 - DISTANCE)


def test_its_position_is_what_all_its_orders_have_traded(exchange: Exchange, venue: str) -> None:
    bot, said = a_bot(exchange, venue)
    trade(bot, "sell", 1, 5000)
    trade(bot, "buy", 1, 5000)
    for turn in range(30):
        bot.step()
        trade(bot, "buy" if turn % 2 else "sell", 60, 5100 if turn % 2 else 4900)
    shares = cents = 0
    for order_id in range(2 + 30 + 30):
        answer = bot.client.status(venue, "FOOBAR", order_id)
        assert answer is not None
        if answer["account"] == bot.account:
            moved = parse_fills_from_response(answer)
            shares, cents = shares + moved["shares"], cents + moved["cents"]
    bot.step()
    assert cents != 0 and said[-2].startswith(f"Shares: {shares}, cents: {cents}, NAV: ")
    assert len(bot.resting) <= 10
