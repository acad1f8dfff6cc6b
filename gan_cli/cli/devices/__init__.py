"""Several processes that train one run: where each of them is, how they meet, and who starts them."""
