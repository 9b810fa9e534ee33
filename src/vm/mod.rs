//! The machine that runs a program: frames, instructions, errors, effects.
//!
//! Running is a plain function from an [`Execution`] and a [`Turn`] to a [`Step`]. It performs no
//! I/O, reads no clock and draws no random numbers; what it wants from outside it returns as an
//! [`Effect`], and it goes on when the answer comes as a [`Wake`]. It knows neither ASL text nor
//! Kafka nor threads.

mod asleep;
mod child;
mod context;
mod dataflow;
mod effect;
mod evaluate;
mod execution;
mod fork;
mod frame;
mod history;
mod items;
mod machine;
mod raise;
mod recording;
mod recover;
mod schedule;
mod work;

pub use asleep::Asleep;
pub use effect::{Effect, Step, Wake};
pub use execution::{End, Execution, Limits, Turn};
pub use frame::FrameId;
pub use history::{Detail, Event};
pub use raise::Raised;
pub use recording::{Level, Recording, Sampling};
