"""Market data besides the book: recent trades, candles and scores, and the routes to them."""
