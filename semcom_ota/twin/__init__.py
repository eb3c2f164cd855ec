"""The twin: a software USRP. A lab process holds devices, the air between them and one true clock; hosts open them."""
