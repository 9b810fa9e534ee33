//! From billing records to an invoice: read, count each execution once, price, print.
//!
//! ```text
//! record ──► ledger ──► distinct ──► invoice ──► print/…
//! (bytes)    (rows)     (disk)       (money)     (table, JSON, CSV, FOCUS, OpenMeter, Lago)
//! ```
//!
//! It knows neither Kafka nor the engine: whoever has records, as bytes, gives them to
//! [`Ledger::add`]. All arithmetic is on integers; a decimal appears only in print.

mod agreement;
mod distinct;
mod invoice;
mod ledger;
mod period;
pub mod print;
mod ranges;
mod record;

pub use distinct::{Budget, Distinct, Entry};
pub use invoice::{Charge, Cost, Line, NoPrices, Statement, group, statements};
pub use ledger::{Closed, Counts, Ledger, LedgerError, Row, RowKey, Sums};
pub use period::{Grain, Period, month_of};
pub use record::{
    Attributes, EndStatus, MinuteUsage, RangeUsage, Reading, RecordError, Usage, read_binary,
    read_structured,
};
