/** Answers of the application: yes, no, or no with the code and the rule that it stands for. */

import type { MlsErrorCode } from '../base/codes.ts';
import { type ErrorDetail, fail } from '../base/error.ts';

/** Codes that an application may refuse with. */
export type RefusalCode = Extract<MlsErrorCode, `policy.${string}` | `validation.${string}` | 'codec.limit'>;

/** No, and why: `rule` becomes part of the error's detail. */
export interface Refusal {
  readonly code: RefusalCode;
  /** Name of the rule that is broken. */
  readonly rule: string;
  /** Facts about the case: never secrets, never received text. */
  readonly detail?: ErrorDetail;
}

/** What the application answers. */
export type Answer = boolean | Refusal;

/** @throws the code of a refusal; `otherwise` for a mere no */
export function requireYes(answer: Answer, otherwise: RefusalCode, detail?: ErrorDetail): void {
  if (typeof answer === 'object') fail(answer.code, { ...answer.detail, rule: answer.rule });
  if (!answer) fail(otherwise, detail);
}
