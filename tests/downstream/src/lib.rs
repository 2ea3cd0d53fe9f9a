//! A book shop.

/// The price of an order in cents, in which every third copy of a book is free.
pub fn price(copies: u32, each: u32) -> u32 {
    (copies - copies / 3) * each
}
