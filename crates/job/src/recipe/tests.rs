use super::*;
use crate::openjd::Template;

fn file(name: &str) -> Seen {
    Seen { name: name.to_owned(), ..Seen::default() }
}

fn found(recipes: &Recipes, seen: &Seen) -> Option<String> {
    recipes.find(seen).map(|recipe| recipe.name.clone())
}

fn user(file: &str, text: &str) -> RecipeText {
    let template = "specificationVersion: jobtemplate-2023-09\nname: x\nsteps: []\n".to_owned();
    RecipeText {
        file: file.to_owned(),
        text: text.to_owned(),
        templates: BTreeMap::from([("t.yaml".to_owned(), template)]),
    }
}

const MINE: &str = r#"version = 1
name = "mine"
title = "Mine"
reader = "file"
template = "t.yaml"
[match]
extensions = ["blend", "xyz"]
"#;

#[test]
fn every_built_in_template_is_valid() {
    for recipe in Recipes::builtin().all() {
        for (file, text) in std::iter::once((&recipe.template_file, &recipe.template))
            .chain(recipe.variants.iter().map(|variant| (&variant.template_file, &variant.template)))
            .filter(|(_, text)| !text.is_empty())
        {
            let template = Template::decode(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let steps: Vec<_> = template.step_names().collect();
            let variant_steps = recipe.variants.iter().flat_map(|variant| &variant.steps_at_origin);
            for step in recipe.steps_at_origin.iter().filter(|_| file == &recipe.template_file) {
                assert!(steps.contains(&step.as_str()), "{file} has no step {step}");
            }
            for step in variant_steps.filter(|_| file != &recipe.template_file) {
                assert!(steps.contains(&step.as_str()), "{file} has no step {step}");
            }
            let known: Vec<_> = template.parameters().into_iter().map(|one| one.name).collect();
            for name in recipe.parameters.keys() {
                assert!(known.contains(name), "{file} has no parameter {name}");
            }
        }
    }
}

#[test]
fn dropped_things_find_their_recipe() {
    let recipes = Recipes::builtin();
    for (name, recipe) in [
        ("shot.blend", "blender"),
        ("SHOT.BLEND", "blender"),
        ("balls.gridwell-sample", "sample"),
        ("balls.sample.toml", "sample"),
        ("scene.pov", "povray"),
        ("clip.mov", "film"),
        ("still.JPG", "images"),
        ("fit.py", "python"),
        ("run.sh", "shell"),
        ("job.yaml", "openjd"),
    ] {
        assert_eq!(found(&recipes, &file(name)).as_deref(), Some(recipe), "{name}");
    }
    for name in ["notes.txt", "blend", ".blend", "toml", "a.toml", "x.blend1"] {
        assert_eq!(found(&recipes, &file(name)), None, "{name}");
    }
}

#[test]
fn first_bytes_and_folder_contents_are_looked_at() {
    let recipes = Recipes::builtin();
    let nameless = Seen { name: "shot".into(), first_bytes: b"BLENDER-v304".to_vec(), entries: None };
    assert_eq!(found(&recipes, &nameless).as_deref(), Some("blender"));
    let bundle = Seen { name: "job".into(), entries: Some(vec!["template.json".into()]), ..Seen::default() };
    assert_eq!(found(&recipes, &bundle).as_deref(), Some("openjd"));
    let folder = Seen { name: "a.blend".into(), entries: Some(vec!["x".into()]), ..Seen::default() };
    assert_eq!(found(&recipes, &folder), None, "a folder is not a file, whatever its name");
}

#[test]
fn a_users_recipe_comes_before_the_built_in_ones() {
    let recipes = Recipes::new(&[user("mine.toml", MINE)]).unwrap();
    assert_eq!(found(&recipes, &file("a.blend")).as_deref(), Some("mine"));
    assert_eq!(found(&recipes, &file("a.pov")).as_deref(), Some("povray"));
}

#[test]
fn the_higher_priority_is_asked_first_and_equals_in_order() {
    let named = |name: &str, priority: i32| {
        user(name, &MINE.replace("\"mine\"", &format!("\"{name}\"\npriority = {priority}")))
    };
    let recipes = Recipes::new(&[named("a", 1), named("b", 5), named("c", 5)]).unwrap();
    let order: Vec<_> = recipes.all().iter().take(3).map(|recipe| recipe.name.as_str()).collect();
    assert_eq!(order, ["b", "c", "a"]);
}

#[test]
fn a_broken_recipe_names_file_and_line() {
    for (text, line, word) in [
        (MINE.replace("title", "titel"), 3, "titel"),
        (MINE.replace("\"file\"", "\"nothing\""), 4, "nothing"),
        (MINE.replace("version = 1", "version = 2"), 1, "version 2"),
        (MINE.replace("t.yaml", "u.yaml"), 5, "u.yaml"),
        (MINE.replace("[match]", "[match"), 6, "mine.toml"),
        (format!("{MINE}[[progress]]\npattern = '('\n"), 9, "regular expression"),
        (MINE.replace("reader =", "needs = [\"ram\"]\nreader ="), 4, "'ram'"),
        (format!("{MINE}[step_needs]\nRun = ['ram']\n"), 9, "'ram'"),
    ] {
        let error = Recipes::new(&[user("mine.toml", &text)]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("mine.toml, line {line}: ")), "{error}");
        assert!(error.contains(word) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn two_recipes_of_one_name_are_refused() {
    let error = Recipes::new(&[user("a.toml", MINE), user("b.toml", MINE)]).unwrap_err();
    assert_eq!(error.to_string(), "b.toml, line 2: another recipe is already called 'mine'");
}

#[test]
fn a_recipe_needs_its_tool() {
    let recipes = Recipes::builtin();
    let needs = &recipes.get("blender").unwrap().needs;
    assert_eq!(Needs { all_cores: false, ..needs.clone() }, "tool:blender".parse::<Needs>().unwrap());
    assert_eq!(recipes.get("sample").unwrap().needs, Needs::default());
}

#[test]
fn programs_that_use_every_core_ask_for_them() {
    let recipes = Recipes::builtin();
    let all_cores = |name: &str| recipes.get(name).unwrap().needs.all_cores;
    assert_eq!(["blender", "povray", "film", "images", "sample"].map(all_cores), [true, true, false, false, false]);
    let steps = &recipes.get("film").unwrap().step_needs;
    assert_eq!(
        steps.iter().map(|(step, needs)| (step.as_str(), needs.all_cores)).collect::<Vec<_>>(),
        [("Convert", true)]
    );
}

#[test]
fn what_sessions_may_use_is_read_and_by_default_it_is_the_network_and_what_there_is() {
    let mine = |session: &str| Recipes::new(&[user("mine.toml", &format!("{MINE}[session]\n{session}"))]);
    let of = |session| mine(session).unwrap().get("mine").unwrap().session;
    assert_eq!(of(""), SessionSpec::default());
    let all = of("network = false\nmemory = \"1.5 GiB\"\ndisk = \"1 MB\"\nstuck_after = \"2 min\"\n");
    let limits = SessionSpec {
        network: false,
        memory_mib: Some(1_536),
        disk_mib: Some(1),
        stuck_secs: Some(120),
        ..SessionSpec::default()
    };
    assert_eq!(all, limits);
    let owes = of("continues = true\nheartbeat_seconds = 300\n");
    assert_eq!(owes, SessionSpec { continues: true, heartbeat_secs: Some(300), ..SessionSpec::default() });
    assert!(mine("heartbeat_seconds = 0\n").unwrap_err().to_string().contains("at least a second"));
    let message = mine("memory = \"much\"\n").unwrap_err().to_string();
    assert!(message.contains("mine.toml") && message.contains("'much' is not a size"), "{message}");
    assert!(mine("stuck_after = \"soon\"\n").is_err());
    for (name, stuck_secs) in [("blender", Some(600)), ("film", Some(600)), ("python", None), ("shell", None)] {
        assert_eq!(Recipes::builtin().get(name).unwrap().session.stuck_secs, stuck_secs, "{name}");
    }
    for (name, network) in [("blender", false), ("povray", false), ("film", false), ("python", true), ("shell", true)] {
        assert_eq!(Recipes::builtin().get(name).unwrap().session.network, network, "{name}");
    }
}
