//! Zoho `PageSense` FullStack: the order of a decision.
//!
//! Source: `PageSense` spec, sections 3 to 5.

pub mod activated;
pub mod allocation;
pub mod attributes;
pub mod audience;
pub mod bucket;
pub mod call;
mod compile;
pub mod condition;
pub mod decision;
pub mod event;
pub mod profile;
pub mod reason;
pub mod settings;
pub mod wire;

use attributes::Attributes;
use audience::LetsIn;
use bucket::{Bucket, hash_user};
use decision::{Decision, Outcome, Request, Step, Storage};
use reason::Reason;
use settings::{Experiment, Settings};

use crate::trace::Trace;

/// How a caller names an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExperimentChoice<'a> {
    /// By its name: the first of the document.
    Name(&'a str),
    /// By its link name.
    LinkName(&'a str),
    /// By its index among the settings'.
    Index(usize),
}

/// Decides for one user and one experiment.
///
/// The same inputs give the same answer: it uses no clock, random numbers or state.
pub fn decide<A: Attributes>(
    settings: &Settings,
    experiment: ExperimentChoice<'_>,
    request: &Request<'_, A>,
    trace: &mut impl Trace<Step>,
) -> Decision {
    let aside = &settings.set_aside;
    let (index, is_set_aside) = match experiment {
        ExperimentChoice::Name(name) => (settings.experiment(name), aside.names.contains(name)),
        ExperimentChoice::LinkName(name) => (
            settings.experiment_by_link_name(name),
            aside.link_names.contains(name),
        ),
        ExperimentChoice::Index(index) => (Some(index), false),
    };
    let found = index.and_then(|index| Some((index, settings.experiments.get(index)?)));
    match found {
        Some((index, experiment)) => decide_for(settings, index, experiment, request, trace),
        None if is_set_aside => Decision::nothing(Reason::ExperimentSetAside, None, None),
        None => Decision::nothing(Reason::ExperimentUnknown, None, None),
    }
}

/// The order of a decision.
fn decide_for<A: Attributes>(
    settings: &Settings,
    index: usize,
    experiment: &Experiment,
    request: &Request<'_, A>,
    trace: &mut impl Trace<Step>,
) -> Decision {
    let goal = match admit(settings, experiment, request, trace) {
        Ok(goal) => goal,
        Err(reason) => return Decision::nothing(reason, Some(index), None),
    };
    let nothing = |reason| Decision::nothing(reason, Some(index), goal);

    match request.storage {
        Storage::Absent => {}
        Storage::NotAsked => return nothing(Reason::ProfileNeeded),
        Storage::Holds(profile) => {
            let variation = profile.variation(experiment);
            trace.note(|| Step::UserStorage {
                state: profile.state(),
                variation,
            });
            if variation.is_some() {
                return Decision {
                    variation,
                    ..nothing(Reason::Stored)
                };
            }
        }
    }

    if let Err(reason) = qualify(settings, experiment, request.attributes, trace) {
        return nothing(reason);
    }
    match bucketed(experiment, request.user_id, trace) {
        Ok((reason, variation)) => Decision {
            variation: Some(variation),
            // A user id that cannot be encoded cannot be stored in a profile either.
            saves_assignment: !matches!(request.storage, Storage::Absent)
                && request.user_id.is_some(),
            ..nothing(reason)
        },
        Err(reason) => nothing(reason),
    }
}

/// Whether anybody may get a variation of this experiment; where a goal is to be tracked, its index
/// among the experiment's.
fn admit<A>(
    settings: &Settings,
    experiment: &Experiment,
    request: &Request<'_, A>,
    trace: &mut impl Trace<Step>,
) -> Result<Option<usize>, Reason> {
    let (is_running, is_ab_test) = (experiment.is_running(), experiment.is_ab_test());
    trace.note(|| Step::Experiment {
        is_running,
        is_ab_test,
    });
    if !is_running {
        return Err(Reason::ExperimentNotRunning);
    }
    if !is_ab_test {
        return Err(Reason::WrongExperimentType);
    }
    let Some(name) = request.goal_name else {
        return Ok(None);
    };
    let goal = settings.goal(name).ok_or(Reason::GoalUnknown)?;
    let mapped = experiment.goal(goal);
    trace.note(|| Step::Goal {
        is_mapped: mapped.is_some(),
    });
    mapped.map(Some).ok_or(Reason::GoalNotMapped)
}

/// Whether the user is in every audience of the experiment.
fn qualify(
    settings: &Settings,
    experiment: &Experiment,
    attributes: &impl Attributes,
    trace: &mut impl Trace<Step>,
) -> Result<(), Reason> {
    let is_for_everyone = experiment.is_for_everyone;
    trace.note(|| Step::Everyone { is_for_everyone });
    if is_for_everyone {
        return Ok(());
    }
    let are_complete = attributes.are_complete();
    trace.note(|| Step::Attributes { are_complete });
    if !are_complete {
        return Err(Reason::AttributesMissing);
    }
    for &index in &experiment.audiences {
        let Some(audience) = settings.audiences.get(index) else {
            continue;
        };
        let answer = audience.tree().evaluate(attributes, &mut |clause| {
            trace.note(|| Step::Clause {
                audience: index,
                clause: clause(),
            });
        });
        trace.note(|| Step::Audience {
            audience: index,
            outcome: match answer {
                Ok(true) => Outcome::Matched,
                Ok(false) => Outcome::NotMatched,
                Err(LetsIn) => Outcome::LetIn,
            },
        });
        match answer {
            Ok(true) => {}
            Ok(false) => return Err(Reason::AudienceNotMatched),
            // Later audiences are not evaluated.
            Err(LetsIn) => return Ok(()),
        }
    }
    Ok(())
}

/// The variation whose range holds the user's bucket, or the only one.
fn bucketed(
    experiment: &Experiment,
    user_id: Option<&str>,
    trace: &mut impl Trace<Step>,
) -> Result<(Reason, usize), Reason> {
    let hash = user_id.map(|user_id| hash_user(&experiment.seed_prefix, user_id));
    let bucket = hash.map_or(Bucket::FIRST, Bucket::of);
    let is_only_variation = experiment.variations.len() == 1;
    let variation = if is_only_variation {
        Some(0)
    } else {
        experiment.allocation.owner(bucket)
    };
    trace.note(|| Step::Range {
        hash,
        bucket: bucket.get(),
        permitted_traffic: experiment.permitted_traffic,
        is_only_variation,
        variation,
    });
    match variation {
        Some(variation) if is_only_variation => Ok((Reason::OnlyVariation, variation)),
        Some(variation) => Ok((Reason::Bucketed, variation)),
        None if experiment.allocation.permits(bucket) => Err(Reason::NoRange),
        None => Err(Reason::OutsideTraffic),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::attributes::Attribute;
    use super::profile::Profile;
    use super::*;
    use crate::problem::Consequence;
    use crate::trace::Silent;

    fn experiment(number: usize, extra: &Value) -> Value {
        let mut experiment = json!({
            "experiment_key": format!("e{number}"), "experiment_name": format!("Test {number}"),
            "experiment_link_name": format!("test-{number}"), "experiment_type": 14,
            "experiment_status": 2, "permitted_traffic": 100, "is_development_mode": false,
            "environment_key": "env", "environment_name": "Production", "language_key": 5.0,
            "language_name": "Rust", "audiences": [{"audience_link_name": "all"}],
            "goals": [{"goal_link_name": "signup", "is_primary_goal": true}],
            "variations": [variation("v2", 50), variation("v1", 50)],
        });
        for (key, value) in extra.as_object().unwrap() {
            experiment[key] = value.clone();
        }
        experiment
    }

    fn variation(key: &str, share: u32) -> Value {
        json!({
            "variation_key": key, "variation_name": key, "variation_link_name": key,
            "traffic_distribution": share, "is_original": false,
        })
    }

    fn project(experiments: &[Value]) -> Value {
        let tree = json!({"conditions": [{"conditions": [
            {"attribute_name": "Browser", "operator": 1, "values": ["Chrome"]}]}]});
        let audience = |link_name: &str, tree: &Value| {
            json!({
                "audience_name": link_name, "audience_link_name": link_name,
                "audience_condition_json": tree,
            })
        };
        json!({"projectsettings": [{
            "project_key": "p", "project_name": "p", "project_link_name": "p",
            "portal_name": "p", "sdk_account_id": "a", "sdk_key": "k", "sdk_version": "1",
            "sdk_language": "Rust", "sdk_environment": "Production",
            "audiences": [
                audience("all", &json!({})), audience("chrome", &tree),
                audience("open", &json!([])),
            ],
            "goals": [
                {"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10},
                {"goal_name": "Order", "goal_link_name": "order", "goal_type": 11},
            ],
            "experiments": experiments,
        }]})
    }

    fn settings(experiments: &[Value]) -> Settings {
        Settings::compile(project(experiments).to_string().as_bytes()).unwrap()
    }

    fn audiences(link_names: &[&str]) -> Value {
        let refer = |link_name: &&str| json!({"audience_link_name": link_name});
        json!({"audiences": link_names.iter().map(refer).collect::<Vec<_>>()})
    }

    fn browser(name: &'static str) -> HashMap<String, Attribute<'static>> {
        HashMap::from([("Browser".to_owned(), Attribute::Text(name.into()))])
    }

    fn reason(settings: &Settings, browser_name: &'static str) -> Reason {
        let request = Request {
            user_id: Some("Ann"),
            attributes: &browser(browser_name),
            storage: Storage::Absent,
            goal_name: None,
        };
        decide(settings, ExperimentChoice::Index(0), &request, &mut Silent).reason
    }

    #[test]
    fn only_running_ab_tests_are_served() {
        for (extra, wanted) in [
            (json!({"experiment_status": 2.0}), Reason::Bucketed),
            (
                json!({"experiment_status": 3}),
                Reason::ExperimentNotRunning,
            ),
            (json!({"experiment_type": 15}), Reason::WrongExperimentType),
        ] {
            let settings = settings(&[experiment(1, &extra)]);
            assert_eq!(reason(&settings, "Chrome"), wanted);
        }
    }

    #[test]
    fn audiences_are_joined_up_to_one_that_lets_in() {
        for (link_names, wanted) in [
            (&["chrome"][..], Reason::AudienceNotMatched),
            (&["chrome", "open"], Reason::AudienceNotMatched),
            (&["open", "chrome"], Reason::Bucketed),
            (&["chrome", "all"], Reason::Bucketed),
            (&[], Reason::Bucketed),
        ] {
            let settings = settings(&[experiment(1, &audiences(link_names))]);
            assert_eq!(reason(&settings, "Safari"), wanted, "{link_names:?}");
        }
        let settings = settings(&[experiment(1, &audiences(&[]))]);
        assert_eq!(reason(&settings, ""), Reason::AttributesMissing);
    }

    #[test]
    fn one_variation_serves_everyone() {
        let only = json!({"permitted_traffic": 0, "variations": [variation("v", 0)]});
        let settings = settings(&[experiment(1, &only)]);
        assert_eq!(reason(&settings, "Chrome"), Reason::OnlyVariation);
    }

    #[test]
    fn what_is_stored_comes_before_the_audience_and_the_traffic() {
        let extra =
            json!({"permitted_traffic": 0, "audiences": [{"audience_link_name": "chrome"}]});
        let settings = settings(&[experiment(1, &extra)]);
        let stored = r#"{"user_id": "Bob", "experiments": [
            {"experiment_key": "e1", "variation_key": "gone"},
            {"experiment_key": "e1", "variation_key": "v2"}]}"#;
        for (storage, wanted) in [
            (Storage::NotAsked, Reason::ProfileNeeded),
            (Storage::Holds(&Profile::read(stored)), Reason::Stored),
            (
                Storage::Holds(&Profile::nothing()),
                Reason::AudienceNotMatched,
            ),
            (
                Storage::Holds(&Profile::invalid()),
                Reason::AudienceNotMatched,
            ),
        ] {
            let request = Request {
                user_id: Some("Ann"),
                attributes: &browser("Safari"),
                storage,
                goal_name: None,
            };
            let name = ExperimentChoice::Name("Test 1");
            let decision = decide(&settings, name, &request, &mut Silent);
            assert_eq!(decision.reason, wanted);
            assert!(!decision.saves_assignment);
            // Sorted by their keys, v2 is the second.
            let stored = (wanted == Reason::Stored).then_some(1);
            assert_eq!(decision.variation, stored);
        }
    }

    #[test]
    fn an_id_that_cannot_be_encoded_has_the_first_bucket_and_is_not_saved() {
        let only = json!({"variations": [variation("v", 0)]});
        let settings = settings(&[experiment(1, &json!({})), experiment(2, &only)]);
        let request = Request {
            user_id: None,
            attributes: &browser("Chrome"),
            storage: Storage::Holds(&Profile::nothing()),
            goal_name: None,
        };
        let link_name = ExperimentChoice::LinkName;
        let several = decide(&settings, link_name("test-1"), &request, &mut Silent);
        assert_eq!(several.reason, Reason::NoRange);
        let only = decide(&settings, link_name("test-2"), &request, &mut Silent);
        assert_eq!(only.reason, Reason::OnlyVariation);
        assert!(!only.saves_assignment);
    }

    #[test]
    fn a_goal_must_be_known_and_mapped() {
        let settings = settings(&[experiment(1, &json!({}))]);
        for (goal_name, wanted) in [
            ("Signup", Reason::Bucketed),
            ("Order", Reason::GoalNotMapped),
            ("signup", Reason::GoalUnknown),
        ] {
            let request = Request {
                user_id: Some("Ann"),
                attributes: &browser("Chrome"),
                storage: Storage::Absent,
                goal_name: Some(goal_name),
            };
            let name = ExperimentChoice::Name("Test 1");
            let decision = decide(&settings, name, &request, &mut Silent);
            assert_eq!(decision.reason, wanted);
            assert_eq!(decision.goal.is_some(), wanted == Reason::Bucketed);
        }
    }

    #[test]
    fn a_broken_experiment_is_set_aside_with_its_place() {
        let broken = experiment(1, &json!({"permitted_traffic": 101}));
        let settings = settings(&[broken, experiment(2, &audiences(&["chrome"]))]);
        let problem = &settings.problems().first()[1];
        assert_eq!(problem.consequence, Consequence::ExperimentSetAside);
        assert_eq!(
            problem.to_string(),
            "projectsettings[0].experiments[0].permitted_traffic: \
             expected a number up to 100, found a greater one"
        );
        let request = Request {
            user_id: Some("Ann"),
            attributes: &browser("Chrome"),
            storage: Storage::Absent,
            goal_name: None,
        };
        for (choice, wanted) in [
            (ExperimentChoice::Name("Test 1"), Reason::ExperimentSetAside),
            (
                ExperimentChoice::LinkName("test-1"),
                Reason::ExperimentSetAside,
            ),
            (ExperimentChoice::Name("test-1"), Reason::ExperimentUnknown),
            (ExperimentChoice::Name("Test 2"), Reason::Bucketed),
            (ExperimentChoice::Index(1), Reason::ExperimentUnknown),
        ] {
            let decision = decide(&settings, choice, &request, &mut Silent);
            assert_eq!(decision.reason, wanted);
        }
    }

    #[test]
    fn a_later_experiment_takes_a_link_name_unless_it_is_broken() {
        let one = experiment(1, &json!({}));
        let same = json!({"experiment_link_name": "test-1"});
        let (two, three) = (experiment(2, &same), experiment(3, &json!({})));
        let broken = json!({"experiment_link_name": "test-1", "variations": []});
        let settings = settings(&[one, three, two, experiment(4, &broken)]);
        let names: Vec<_> = settings
            .experiments()
            .iter()
            .map(Experiment::name)
            .collect();
        assert_eq!(names, ["Test 2", "Test 3"]);
        let places: Vec<_> = settings
            .problems()
            .first()
            .iter()
            .map(|one| &*one.path)
            .collect();
        assert_eq!(
            places[1..],
            [
                "projectsettings[0].experiments[0].experiment_link_name",
                "projectsettings[0].experiments[3].variations",
            ]
        );
    }

    #[test]
    fn a_link_name_of_two_audiences_stands_for_neither() {
        let mut document = project(&[
            experiment(1, &audiences(&["chrome"])),
            experiment(2, &json!({})),
        ]);
        let audiences = document["projectsettings"][0]["audiences"].as_array_mut();
        let audiences = audiences.unwrap();
        audiences.push(audiences[1].clone());
        let settings = Settings::compile(document.to_string().as_bytes()).unwrap();
        let names: Vec<_> = settings
            .experiments()
            .iter()
            .map(Experiment::name)
            .collect();
        assert_eq!(names, ["Test 2"]);
    }

    #[test]
    fn a_goal_without_a_boolean_is_unmapped_alone() {
        let goals = json!({"goals": [
            {"goal_link_name": "signup", "is_primary_goal": "true"},
            {"goal_link_name": "order", "is_primary_goal": false},
        ]});
        let settings = settings(&[experiment(1, &goals), experiment(2, &json!({}))]);
        let signup = settings.goal("Signup").unwrap();
        let order = settings.goal_by_link_name("order").unwrap();
        let with = |goal| settings.experiments_with_goal(goal).collect::<Vec<_>>();
        assert_eq!(with(signup), [1]);
        assert_eq!(with(order), [0]);
        assert_eq!(
            settings.problems().first()[1].consequence,
            Consequence::GoalUnmapped
        );
        assert_eq!(settings.experiments()[0].language_key(), "5");
    }

    #[test]
    fn a_document_without_a_usable_experiment_is_refused() {
        let broken = experiment(1, &json!({"experiment_key": " "}));
        let document = project(&[broken]).to_string();
        let problems = Settings::compile(document.as_bytes()).unwrap_err();
        assert_eq!(
            problems.first().last().unwrap().to_string(),
            "projectsettings[0].experiments[0].experiment_key: \
             expected a string, found a blank string"
        );
    }
}
