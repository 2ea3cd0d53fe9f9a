use super::{
    Fixtures,
    names::{NamedStep, mentions},
};

pub(super) const SERVICES: &str = "the services from {string}";
const SERVICE: &str = "a service {string}";
const LATENCY: &str = "{call} takes {duration}";
const REPLY: &str = "{call} replies:";

/// What need not be used.
const SCENERY: [&str; 4] = [SERVICES, SERVICE, LATENCY, REPLY];

/// The steps that declare what need not be used, each by its index, and whether another step or a call of a
/// workflow names it.
pub(super) fn scenery(
    steps: &[NamedStep],
    calls: &[String],
    fixtures: &Fixtures,
) -> Vec<(usize, bool)> {
    let is_named = |name: &str, by: &dyn Fn(usize, &NamedStep) -> bool| {
        let mut steps = steps.iter().enumerate();
        steps.any(|(index, step)| by(index, step) && mentions(&step.text, name))
            || calls.iter().any(|call| mentions(call, name))
    };
    let is_used = |index: usize, step: &NamedStep| match step.expression {
        LATENCY | REPLY => {
            // Commands and events use services that no step declares.
            let service = step.first().split('.').next().unwrap_or_default();
            let is_declared = steps.iter().any(|step| declares(step, service, fixtures));
            let may_call = |_, step: &NamedStep| !SCENERY.contains(&step.expression);
            !is_declared || is_named(step.first(), &may_call)
        }
        SERVICES => {
            let services = services_from(step.first(), fixtures);
            let mut services = services.iter();
            services.any(|service| is_named(service, &|other, _| other != index))
        }
        _ => is_named(step.first(), &|other, _| other != index),
    };
    let declared = steps.iter().enumerate();
    declared
        .filter(|(_, step)| SCENERY.contains(&step.expression))
        .map(|(index, step)| (index, is_used(index, step)))
        .collect()
}

fn declares(step: &NamedStep, service: &str, fixtures: &Fixtures) -> bool {
    match step.expression {
        SERVICE => step.first() == service,
        SERVICES => {
            let services = services_from(step.first(), fixtures);
            services.iter().any(|known| known == service)
        }
        _ => false,
    }
}

/// The names of the services in a fixture; none of one that cannot be loaded, which has failed its step.
fn services_from(fixture: &str, fixtures: &Fixtures) -> Vec<String> {
    let cast = fixtures.services(fixture).ok();
    let services = cast.iter().flat_map(|cast| &cast.services);
    services.map(|service| service.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::StepDefinition;

    #[test]
    fn phrases_of_scenery_are_of_the_vocabulary() {
        let known = StepDefinition::collected();
        let is_known = |phrase: &str| {
            let mut known = known.iter();
            known.any(|definition| definition.expression() == Some(phrase))
        };
        for phrase in SCENERY {
            assert!(is_known(phrase), "{phrase}");
        }
    }
}
