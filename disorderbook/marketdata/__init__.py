"""What is told of a market besides its book: trades, candles and scores."""
