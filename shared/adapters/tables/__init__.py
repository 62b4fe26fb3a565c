"""The stores on Azure Tables. All share one `Tables`, which holds the client and is what has to be closed."""
