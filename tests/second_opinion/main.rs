//! A second opinion: a naive interpreter of the language, written from its description and not
//! from the engine, first held against what AWS recorded, then used to judge the engine.

mod base64_lenient;
mod calls;
mod children;
mod dataflow;
mod digests;
mod documents;
mod expressions;
mod filters;
mod histories;
mod interpreter;
mod intrinsics;
mod java;
mod judgement;
mod machines;
mod paths;
mod probes;
mod recorded;
mod retries;
mod rules;
mod scan;
mod tape;
mod timestamps;
mod unsure;
mod visits;
mod world;
