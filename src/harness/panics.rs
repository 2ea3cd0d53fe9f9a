use std::{
    any::Any,
    cell::RefCell,
    panic,
    sync::{Arc, Once},
};

use crate::domain::Locked;

/// A panic's message and location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Panicked {
    pub message: String,
    /// `file:line:column`.
    pub location: Option<String>,
}

/// The last panic of a scenario, on any of its threads. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct LastPanic(Arc<Locked<Option<Panicked>>>);

thread_local! {
    static LAST: RefCell<Option<LastPanic>> = const { RefCell::new(None) };
}

/// Keeps panics on this thread in `last` from now on instead of printing them; those of threads that
/// belong to no scenario go to the previous hook.
pub(super) fn keep_on_this_thread(last: LastPanic) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that is ending has lost its thread-locals.
            let Some(last) = LAST.try_with(|last| last.borrow().clone()).ok().flatten() else {
                return former(info);
            };
            let panicked = Panicked {
                message: message(info.payload()),
                location: info
                    .location()
                    .map(|place| source_location(&place.to_string())),
            };
            *last.0.lock() = Some(panicked);
        }));
    });
    LAST.set(Some(last));
}

/// Takes the last panic of this thread's scenario, caught or not.
pub(super) fn take() -> Option<Panicked> {
    LAST.with_borrow(|last| last.as_ref()?.0.lock().take())
}

/// The message of a caught panic, and its location if it was this thread's last.
pub(super) fn caught(payload: &(dyn Any + Send)) -> Panicked {
    let message = message(payload);
    match take() {
        Some(last) if last.message == message => last,
        _ => Panicked {
            message,
            location: None,
        },
    }
}

/// A source location without the detour that `#[path]` makes.
pub(super) fn source_location(location: &str) -> String {
    location.replace("src/../", "")
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caught_panic_has_its_message_and_location() {
        std::thread::spawn(|| {
            keep_on_this_thread(LastPanic::default());
            let payload = panic::catch_unwind(|| panic!("no {}", "luck")).unwrap_err();
            let panicked = caught(&*payload);
            assert_eq!(panicked.message, "no luck");
            let location = panicked.location.unwrap();
            assert!(location.contains("panics.rs:"), "{location}");
            let payload = panic::catch_unwind(|| panic::resume_unwind(Box::new(7))).unwrap_err();
            let panicked = caught(&*payload);
            assert_eq!(panicked.message, "a panic without a message");
            assert_eq!(panicked.location, None);
        })
        .join()
        .unwrap();
    }
}
