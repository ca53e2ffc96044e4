//! Every setting that can be tuned has an effect: this flips each and looks for it.
