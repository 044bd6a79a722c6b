"""disorderBook: a local stock exchange for trading bots, speaking the Stockfighter protocol."""
