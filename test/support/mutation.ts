/** For mutation tests only: the same inputs for every mutant, and no time spent on shrinking what killed it. */

import fc from 'fast-check';

fc.configureGlobal({ seed: 9420, endOnFailure: true });
