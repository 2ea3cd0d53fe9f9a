use std::cmp::Ordering;

/// The figure in the middle, of an odd number of them.
pub fn median<T: Copy>(mut figures: impl AsMut<[T]>, order: impl Fn(&T, &T) -> Ordering) -> T {
    let figures = figures.as_mut();
    figures.sort_by(order);
    figures[figures.len() / 2]
}
