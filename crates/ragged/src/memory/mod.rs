//! What is remembered for each persona.
