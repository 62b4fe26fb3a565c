"""`make demo`: the product's story on the sandbox, told live."""
