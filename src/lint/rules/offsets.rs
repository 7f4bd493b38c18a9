//! Commits, and how soon new partitions are noticed.

use crate::lint::context::Context;
use crate::lint::read::Format;
use crate::lint::rule::rules;

rules! {
    INTERVAL_UNUSED: Warning "auto-commit-interval-without-auto-commit",
        "`auto.commit.interval.ms` is set, but nothing is committed automatically",
        "it has no effect",
        "leave it out, or set `enable.auto.commit` to true";
    WITHOUT_GROUP: Note "auto-commit-without-group",
        "`enable.auto.commit` is true and the file names no `group.id`",
        "unless the program sets `group.id`, the Java consumer refuses to start",
        "a `group.id`, here or in the program";
    INTERVAL_LONG: Warning "auto-commit-interval-long",
        "`auto.commit.interval.ms` is above a minute",
        "after a crash or an expulsion all that was done since the last commit is done again, up to an interval's worth",
        "5000, Kafka's default",
        "crash";
    METADATA_LONG: Note "metadata-age-long",
        "`metadata.max.age.ms` is above Kafka's 5 min",
        "new partitions have no owner until the leader refreshes its metadata, up to that long",
        "300000, Kafka's default, or less where partitions are added",
        "new-partitions";
    METADATA_SHORT: Note "metadata-age-short",
        "`metadata.max.age.ms` is below 10 s",
        "each change of a topic reaches the leader on its own, and each time the group rebalances",
        "300000, Kafka's default",
        "incidents/metadata-that-flaps";
}

/// Looks at commits and metadata.
pub fn check(context: &mut Context<'_>) {
    auto_commit(context);
    const AGE: &str = "metadata.max.age.ms";
    let Some(age) = context.number(AGE).filter(|_| context.has(AGE)) else { return };
    let (place, named) = (context.settings.place(&[AGE]), context.named(AGE));
    if age > 300_000 {
        context.settings.add(METADATA_LONG, place, format!("{named} is above 5 min"));
    } else if (0..10_000).contains(&age) {
        context.settings.add(METADATA_SHORT, place, format!("{named} is below 10 s"));
    }
}

fn auto_commit(context: &mut Context<'_>) {
    const INTERVAL: &str = "auto.commit.interval.ms";
    let enabled = context.flag("enable.auto.commit");
    let place = context.settings.place(&[INTERVAL]);
    match (context.number(INTERVAL).filter(|_| context.has(INTERVAL)), enabled) {
        (Some(_), Some(false)) => {
            let is_spring = context.format == Format::Spring && !context.has("enable.auto.commit");
            let message = match is_spring {
                true => format!(
                    "`{}` is set, and Spring's listeners commit themselves unless `enable-auto-commit` is true",
                    context.own(INTERVAL)
                ),
                false => {
                    format!("`{}` is set, and `{}` is false", context.own(INTERVAL), context.own("enable.auto.commit"))
                }
            };
            let right = format!("leave it out, or set `{}` to true", context.own("enable.auto.commit"));
            context.settings.add(INTERVAL_UNUSED, place, message).right(right);
        }
        (Some(interval), Some(true)) if interval > 60_000 => {
            context.settings.add(INTERVAL_LONG, place, format!("{} is above a minute", context.named(INTERVAL)));
        }
        _ => {}
    }
    let is_stated = context.has("enable.auto.commit") && enabled == Some(true);
    // Spring's listeners name their group in an annotation more often than here.
    if is_stated && !context.has("group.id") && context.java.is_some() && context.format != Format::Spring {
        let place = context.settings.place(&["enable.auto.commit"]);
        context.settings.add(WITHOUT_GROUP, place, "`enable.auto.commit` is true, and there is no `group.id`");
    }
}
