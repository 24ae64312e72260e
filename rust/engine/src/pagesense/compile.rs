//! From the document to immutable settings and a list of what is wrong in it.

use std::collections::HashMap;

use serde_json::Value;

use super::allocation::Allocation;
use super::audience::{Audience, Tree};
use super::bucket::seed_prefix;
use super::settings::{Experiment, Goal, MappedGoal, SetAside, Settings, Variation};
use super::wire::{
    AudienceWire, ExperimentWire, GoalWire, MappedGoalWire, PROJECTS, ProjectWire, VariationWire,
};
use crate::document::parse;
use crate::problem::{Consequence, Place, Problem, kind_of};

/// The link name of the audience that everybody is in.
const EVERYONE: &str = "all";

impl Settings {
    /// Compiles a settings document, JSON in UTF-8.
    ///
    /// What is wrong in a part of it is listed in [`Settings::problems`].
    ///
    /// # Errors
    ///
    /// The problems of a document that cannot be used at all: no JSON, no project, or every
    /// experiment of it broken. At least one.
    pub fn compile(document: &[u8]) -> Result<Self, Vec<Problem>> {
        let value = parse(document).map_err(|problem| vec![problem])?;
        let project = ProjectWire::find(&value).map_err(|problem| vec![problem])?;
        let place = Place::Document;
        let place = place.key(PROJECTS);
        let place = place.index(0);
        let wire = ProjectWire::read(&place, project).map_err(|problem| vec![problem])?;
        let mut compiler = Compiler::default();
        each(&place, "audiences", wire.audiences, |place, value| {
            compiler.add_audience(place, value);
        });
        each(&place, "goals", wire.goals, |place, value| {
            compiler.add_goal(place, value);
        });
        each(&place, "experiments", wire.experiments, |place, value| {
            compiler.add_experiment(place, value);
        });
        compiler.finish(&wire)
    }
}

fn each(place: &Place<'_>, key: &str, list: &[Value], mut add: impl FnMut(&Place<'_>, &Value)) {
    let place = place.key(key);
    for (index, value) in list.iter().enumerate() {
        add(&place.index(index), value);
    }
}

/// Which audience or goal a link name stands for; an error where it stands for several.
type ByLinkName = HashMap<Box<str>, Result<usize, ()>>;

#[derive(Default)]
struct Compiler {
    audiences: Vec<Audience>,
    audiences_by_link_name: ByLinkName,
    goals: Vec<Goal>,
    goals_by_link_name: ByLinkName,
    experiments: Vec<Experiment>,
    /// The place of each experiment's link name, for when another takes it.
    link_name_places: Vec<String>,
    by_link_name: HashMap<Box<str>, usize>,
    set_aside: SetAside,
    problems: Vec<Problem>,
}

impl Compiler {
    fn add_audience(&mut self, place: &Place<'_>, value: &Value) {
        let wire = match AudienceWire::read(place, value) {
            Ok(wire) => wire,
            Err(problem) => return self.problems.push(problem),
        };
        let next = self.audiences.len();
        if !is_alone(&mut self.audiences_by_link_name, wire.link_name, next) {
            let place = place.key("audience_link_name");
            return self.problems.push(place.problem(
                "a link name of its own",
                "that of another audience",
                Consequence::AudienceSetAside,
            ));
        }
        let place = place.key("audience_condition_json");
        self.audiences.push(Audience {
            link_name: wire.link_name.into(),
            tree: Tree::compile(&place, wire.condition_json, &mut self.problems),
        });
    }

    fn add_goal(&mut self, place: &Place<'_>, value: &Value) {
        let wire = match GoalWire::read(place, value) {
            Ok(wire) => wire,
            Err(problem) => return self.problems.push(problem),
        };
        let next = self.goals.len();
        if !is_alone(&mut self.goals_by_link_name, wire.link_name, next) {
            let place = place.key("goal_link_name");
            return self.problems.push(place.problem(
                "a link name of its own",
                "that of another goal",
                Consequence::GoalSetAside,
            ));
        }
        self.goals.push(Goal {
            name: wire.name.into(),
            link_name: wire.link_name.into(),
            goal_type: wire.goal_type,
        });
    }

    fn add_experiment(&mut self, place: &Place<'_>, value: &Value) {
        let read = ExperimentWire::read(place, value);
        match read.and_then(|wire| self.compile_experiment(place, &wire)) {
            Ok(experiment) => self.keep(place, experiment),
            Err(problem) => {
                let name = |key: &str| value.get(key).and_then(Value::as_str).map(Into::into);
                self.set_aside.names.extend(name("experiment_name"));
                let link_name = name("experiment_link_name");
                self.set_aside.link_names.extend(link_name);
                self.problems.push(problem);
            }
        }
    }

    /// Adds an experiment, in the place of an earlier one with its link name.
    fn keep(&mut self, place: &Place<'_>, experiment: Experiment) {
        let link_name_place = place.key("experiment_link_name").to_string();
        let next = self.experiments.len();
        let index = *self
            .by_link_name
            .entry(experiment.link_name.clone())
            .or_insert(next);
        let earlier = self.experiments.get_mut(index);
        let (Some(earlier), Some(path)) = (earlier, self.link_name_places.get_mut(index)) else {
            self.experiments.push(experiment);
            self.link_name_places.push(link_name_place);
            return;
        };
        self.problems.push(Problem {
            path: std::mem::replace(path, link_name_place),
            wanted: "a link name of its own".to_owned(),
            found: "that of a later experiment".to_owned(),
            consequence: Consequence::ExperimentSetAside,
        });
        let earlier = std::mem::replace(earlier, experiment);
        self.set_aside.names.insert(earlier.name);
    }

    fn compile_experiment(
        &mut self,
        place: &Place<'_>,
        wire: &ExperimentWire<'_>,
    ) -> Result<Experiment, Problem> {
        let audiences = self.audiences_of(&place.key("audiences"), &wire.audiences)?;
        let goals = self.goals_of(&place.key("goals"), &wire.goals)?;
        let mut variations: Vec<Variation> =
            wire.variations.iter().map(compile_variation).collect();
        // By code point, which is the order of UTF-8 bytes too; equal keys keep their order.
        variations.sort_by(|one, other| one.key.cmp(&other.key));
        let shares: Vec<f64> = variations
            .iter()
            .map(|variation| variation.traffic_distribution)
            .collect();
        Ok(Experiment {
            key: wire.key.into(),
            name: wire.name.into(),
            link_name: wire.link_name.into(),
            experiment_type: wire.experiment_type,
            status: wire.status,
            permitted_traffic: wire.permitted_traffic,
            is_development_mode: wire.is_development_mode,
            environment_key: wire.environment_key.into(),
            language_key: wire.language_key.as_str().into(),
            is_for_everyone: wire.audiences.contains(&EVERYONE),
            audiences,
            goals,
            allocation: Allocation::new(wire.permitted_traffic, &shares),
            variations: variations.into(),
            seed_prefix: seed_prefix(wire.key),
        })
    }

    fn audiences_of(
        &self,
        place: &Place<'_>,
        link_names: &[&str],
    ) -> Result<Box<[usize]>, Problem> {
        let link_names = link_names.iter().enumerate();
        link_names
            .map(|(index, link_name)| {
                let known = self.audiences_by_link_name.get(*link_name);
                known.copied().and_then(Result::ok).ok_or_else(|| {
                    place.index(index).key("audience_link_name").problem(
                        "the link name of one usable audience",
                        "another one",
                        Consequence::ExperimentSetAside,
                    )
                })
            })
            .collect()
    }

    fn goals_of(
        &mut self,
        place: &Place<'_>,
        wires: &[MappedGoalWire<'_>],
    ) -> Result<Box<[MappedGoal]>, Problem> {
        let mut goals = Vec::with_capacity(wires.len());
        for (index, wire) in wires.iter().enumerate() {
            let place = place.index(index);
            let known = self.goals_by_link_name.get(wire.link_name);
            let Some(Ok(goal)) = known.copied() else {
                return Err(place.key("goal_link_name").problem(
                    "the link name of one usable goal",
                    "another one",
                    Consequence::ExperimentSetAside,
                ));
            };
            match wire.is_primary_goal {
                Value::Bool(is_primary) => goals.push(MappedGoal {
                    goal,
                    is_primary: *is_primary,
                }),
                other => {
                    let place = place.key("is_primary_goal");
                    let found = kind_of(Some(other));
                    let unmapped = Consequence::GoalUnmapped;
                    self.problems
                        .push(place.problem("a boolean", found, unmapped));
                }
            }
        }
        Ok(goals.into())
    }

    fn finish(self, wire: &ProjectWire<'_>) -> Result<Settings, Vec<Problem>> {
        if self.experiments.is_empty() {
            return Err(self.problems);
        }
        let mut by_name = HashMap::with_capacity(self.experiments.len());
        for (index, experiment) in self.experiments.iter().enumerate() {
            by_name.entry(experiment.name.clone()).or_insert(index);
        }
        Ok(Settings {
            project_key: wire.project_key.into(),
            project_name: wire.project_name.into(),
            portal_name: wire.portal_name.into(),
            sdk_account_id: wire.sdk_account_id.into(),
            sdk_key: wire.sdk_key.into(),
            audiences: self.audiences.into(),
            goals: self.goals.into(),
            experiments: self.experiments.into(),
            by_name,
            by_link_name: self.by_link_name,
            set_aside: self.set_aside,
            problems: self.problems.into(),
        })
    }
}

/// Whether nothing has this link name yet; where something has, it stands for nothing any more.
fn is_alone(by_link_name: &mut ByLinkName, link_name: &str, index: usize) -> bool {
    if let Some(known) = by_link_name.get_mut(link_name) {
        *known = Err(());
        return false;
    }
    by_link_name.insert(link_name.into(), Ok(index));
    true
}

fn compile_variation(wire: &VariationWire<'_>) -> Variation {
    Variation {
        key: wire.key.into(),
        name: wire.name.into(),
        link_name: wire.link_name.into(),
        traffic_distribution: wire.traffic_distribution,
        is_original: wire.is_original,
    }
}
