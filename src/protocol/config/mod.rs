//! Settings under Kafka's names: typed values with Kafka's defaults ([`consumer`], [`broker`]), and the tables of every
//! known property ([`consumer_table`], [`broker_table`]).

mod apply;
pub mod broker;
pub mod broker_table;
pub mod consumer;
pub mod consumer_table;
pub mod nearest;
pub mod property;

pub use apply::Taken;
pub use broker::BrokerConfig;
pub use consumer::{AssignorName, AutoOffsetReset, ConsumerConfig};
pub use property::{Culprit, Property, Refusal};

#[cfg(test)]
mod tests {
    use super::property::{Kind, Property, Valid};
    use super::{broker_table, consumer_table};

    /// One line of a recorded list: name, type, default, validator.
    fn recorded(list: &'static str) -> Vec<[&'static str; 4]> {
        list.lines().map(|line| line.split('\t').collect::<Vec<_>>().try_into().expect("four columns")).collect()
    }

    fn row(property: &Property) -> [String; 4] {
        let kind = match property.kind {
            Kind::Int => "INT",
            Kind::Long => "LONG",
            Kind::Short => "SHORT",
            Kind::Double => "DOUBLE",
            Kind::Boolean => "BOOLEAN",
            Kind::String => "STRING",
            Kind::List => "LIST",
            Kind::Class => "CLASS",
            Kind::Password => "PASSWORD",
        };
        let valid = match property.valid {
            // Lists that Kafka only forbids to be null: every list here is one.
            Valid::Any => String::new(),
            Valid::Whole(Some(least), None) => format!("[{least},...]"),
            Valid::Whole(Some(least), Some(most)) => format!("[{least},...,{most}]"),
            Valid::Whole(None, _) => unreachable!("Kafka has no such bound"),
            Valid::Decimal(least, most) => format!("[{least:?},...,{most:?}]"),
            Valid::OneOf(known) => format!("[{}]", known.join(", ")),
            Valid::AnyCase(known) => format!("(case insensitive) [{}]", known.join(", ")),
            Valid::NonEmpty => "non-empty string".into(),
        };
        [property.name.into(), kind.into(), property.default.unwrap_or("null").into(), valid]
    }

    fn compare(table: &[Property], list: &'static str) {
        let recorded = recorded(list);
        let names: Vec<&str> = recorded.iter().map(|line| line[0]).collect();
        assert_eq!(table.iter().map(|property| property.name).collect::<Vec<_>>(), names);
        for (property, [name, kind, default, valid]) in table.iter().zip(recorded) {
            let valid = if valid == "non-null string" { "" } else { valid };
            assert_eq!(row(property), [name, kind, default, valid]);
        }
    }

    #[test]
    fn the_consumers_table_is_what_kafka_lists() {
        compare(consumer_table::CONSUMER, include_str!("testdata/consumer-4.1.1.tsv"));
    }

    #[test]
    fn the_group_coordinators_table_is_what_kafka_lists() {
        compare(broker_table::GROUP_COORDINATOR, include_str!("testdata/group-coordinator-4.1.1.tsv"));
    }

    #[test]
    fn the_other_broker_properties_are_in_order_and_not_the_coordinators() {
        assert!(broker_table::OTHERS.is_sorted());
        assert!(broker_table::OTHERS.iter().all(|name| broker_table::find(name).is_none()));
        assert!(broker_table::is_other_broker_property("listener.name.internal.ssl.keystore.location"));
    }
}
