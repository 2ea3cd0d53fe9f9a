use std::error::Error;

/// An error's message and those of its sources, a line each; a source that the message before it
/// repeats is left out.
pub fn with_sources(error: &dyn Error) -> String {
    let mut last = error.to_string();
    let mut text = last.clone();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !last.contains(&message) {
            text += &format!("\n  caused by: {message}");
            last = message;
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Link {
        message: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn sources_follow_the_message_unless_it_repeats_them() {
        let chain = |messages: &[&'static str]| {
            let links = messages.iter().rev();
            let chain = links.fold(None, |source, message| {
                Some(Box::new(Link { message, source }))
            });
            with_sources(&*chain.unwrap())
        };
        assert_eq!(chain(&["no order"]), "no order");
        assert_eq!(
            chain(&["no order", "no file: gone", "gone", "disk"]),
            "no order\n  caused by: no file: gone\n  caused by: disk"
        );
    }
}
