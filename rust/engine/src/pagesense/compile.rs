//! From the document to immutable settings and a list of what is wrong in it.

use std::collections::{HashMap, HashSet};

use super::allocation::Allocation;
use super::audience::{Audience, Tree};
use super::bucket::seed_prefix;
use super::settings::{Experiment, Goal, MappedGoal, SetAside, Settings, Variation};
use super::wire::{
    AudienceWire, ExperimentWire, GoalWire, MappedGoalWire, PROJECTS, ProjectWire, VariationWire,
};
use crate::document::{Document, List, Value};
use crate::problem::{Consequence, Place, Problem, Problems};

/// The link name of the audience that everybody is in.
const EVERYONE: &str = "all";

impl Settings {
    /// Compiles a settings document, JSON in UTF-8.
    ///
    /// [`Settings::problems`] lists the problems of single parts.
    ///
    /// # Errors
    ///
    /// The problems of a document that cannot be used at all: no JSON, no project, or every
    /// experiment of it broken. At least one.
    pub fn compile(document: &[u8]) -> Result<Self, Problems> {
        let document = Document::parse(document)?;
        let project = ProjectWire::find(document.value())?;
        let place = Place::Document;
        let place = place.key(PROJECTS);
        let place = place.index(0);
        let wire = ProjectWire::read(&place, project)?;
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

fn each(place: &Place<'_>, key: &str, list: List<'_>, mut add: impl FnMut(&Place<'_>, Value<'_>)) {
    let place = place.key(key);
    for (index, value) in list.iter().enumerate() {
        add(&place.index(index), value);
    }
}

/// Takes note of names that were given before.
fn note_double(
    given: &mut HashSet<Box<str>>,
    name: &str,
    place: &Place<'_>,
    (key, wanted, found): (&str, &str, &str),
    problems: &mut Problems,
) {
    if !given.insert(name.into()) {
        let place = place.key(key);
        problems.add(|| place.problem(wanted, found, Consequence::Ambiguous));
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
    goal_names: HashSet<Box<str>>,
    experiments: Vec<Experiment>,
    /// The place of each experiment's link name, for when another takes it.
    link_name_places: Vec<String>,
    by_link_name: HashMap<Box<str>, usize>,
    set_aside: SetAside,
    problems: Problems,
}

impl Compiler {
    fn add_audience(&mut self, place: &Place<'_>, value: Value<'_>) {
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

    fn add_goal(&mut self, place: &Place<'_>, value: Value<'_>) {
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
        let words = ("goal_name", "a name of its own", "that of another goal");
        let (given, problems) = (&mut self.goal_names, &mut self.problems);
        note_double(given, wire.name, place, words, problems);
        self.goals.push(Goal {
            name: wire.name.into(),
            link_name: wire.link_name.into(),
            goal_type: wire.goal_type,
        });
    }

    fn add_experiment(&mut self, place: &Place<'_>, value: Value<'_>) {
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
        let goals = self.goals_of(&place.key("goals"), &wire.goals);
        let mut variations: Vec<Variation> =
            wire.variations.iter().map(compile_variation).collect();
        self.note_double_variations(&place.key("variations"), &wire.variations);
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

    /// The goals that the experiment counts; one that is broken costs only itself.
    fn goals_of(
        &mut self,
        place: &Place<'_>,
        list: &Result<List<'_>, Problem>,
    ) -> Box<[MappedGoal]> {
        let list = match list {
            Ok(list) => *list,
            Err(problem) => {
                self.problems.push(problem.clone());
                return Box::default();
            }
        };
        let mut goals = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let place = place.index(index);
            let read = MappedGoalWire::read(&place, value);
            match read.and_then(|wire| self.mapped_goal(&place, &wire)) {
                Ok(goal) => goals.push(goal),
                Err(problem) => self.problems.push(problem),
            }
        }
        goals.into()
    }

    fn mapped_goal(
        &self,
        place: &Place<'_>,
        wire: &MappedGoalWire<'_>,
    ) -> Result<MappedGoal, Problem> {
        let known = self.goals_by_link_name.get(wire.link_name);
        let Some(Ok(goal)) = known.copied() else {
            return Err(place.key("goal_link_name").problem(
                "the link name of one usable goal",
                "another one",
                Consequence::GoalUnmapped,
            ));
        };
        Ok(MappedGoal {
            goal,
            is_primary: wire.is_primary_goal,
        })
    }

    fn note_double_variations(&mut self, place: &Place<'_>, wires: &[VariationWire<'_>]) {
        let mut given = [HashSet::new(), HashSet::new(), HashSet::new()];
        for (index, wire) in wires.iter().enumerate() {
            let place = place.index(index);
            let names = [
                ("variation_key", "a key of its own", wire.key),
                ("variation_name", "a name of its own", wire.name),
                (
                    "variation_link_name",
                    "a link name of its own",
                    wire.link_name,
                ),
            ];
            for (given, (key, wanted, name)) in given.iter_mut().zip(names) {
                let words = (key, wanted, "that of another variation");
                note_double(given, name, &place, words, &mut self.problems);
            }
        }
    }

    fn note_double_experiments(&mut self) {
        let mut given = HashSet::new();
        for (experiment, path) in self.experiments.iter().zip(&self.link_name_places) {
            if !given.insert(&experiment.name) {
                self.problems.add(|| Problem {
                    path: path.replace("experiment_link_name", "experiment_name"),
                    wanted: "a name of its own".to_owned(),
                    found: "that of another experiment".to_owned(),
                    consequence: Consequence::Ambiguous,
                });
            }
        }
    }

    fn finish(mut self, wire: &ProjectWire<'_>) -> Result<Settings, Problems> {
        if self.experiments.is_empty() {
            return Err(self.problems);
        }
        self.note_double_experiments();
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
            problems: self.problems,
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
