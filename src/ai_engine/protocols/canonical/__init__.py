"""One form for the requests and answers of all chat protocols, between which the others are translated."""
