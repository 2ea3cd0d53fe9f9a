use std::cmp::Ordering;

/// The figure in the middle.
pub fn median<T: Copy>(mut figures: Vec<T>, order: impl Fn(&T, &T) -> Ordering) -> T {
    figures.sort_by(order);
    figures[figures.len() / 2]
}
