/** Scores -> verdict, by the rule in preprocessing.json; what aireal/verdicts/verdict.py does. */

const TOLERANCE = 1.25;  // EDGE_TOLERANCE there

/**
 * Returns {verdict, reason, confidence}.
 *
 * @param {object} rule of preprocessing.json
 * @param {{pReal: number, unsure: boolean, width: number, height: number}} found what the network says, of what picture
 */
export function judge(rule, {pReal, unsure, width, height}) {
  const isReal = pReal >= Math.fround(rule.real_from);
  const confidence = isReal ? pReal : 1 - pReal;
  let reason = null;
  if (!fits(rule, width, height)) reason = 'FOREIGN';
  else if (isLow(rule, pReal)) reason = 'LOW_CONFIDENCE';
  else if (unsure && rule.foreign_from !== undefined) reason = 'FOREIGN';
  return {verdict: reason ? 'UNSURE' : isReal ? 'REAL' : 'FAKE', reason, confidence};
}

/** Returns the rule that withholds nothing: what the network says. */
export const plain = (rule) => ({real_from: rule.real_from});

/** Returns whether a picture has a size like those that the network was trained on. */
function fits({edges}, width, height) {
  if (!edges) return true;
  const [least, largest] = edges;
  return least <= Math.min(width, height) * TOLERANCE && Math.max(width, height) <= largest * TOLERANCE;
}

function isLow({fake_up_to: fake, real_at_least: real}, pReal) {
  return fake !== undefined && pReal > Math.fround(fake) && pReal < Math.fround(real);
}
