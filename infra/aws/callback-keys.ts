import { RemovalPolicy, Validations } from "aws-cdk-lib";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { KEY_RING_SECRET } from "../../lib/job/callback-key.ts";
import { secretName } from "../../lib/plan/names.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import type { Options } from "./options.ts";

const LETTERS_BEYOND_F = "ghijklmnopqrstuvwxyz";

/** The secret that callback keys are derived from, made by Secrets Manager at the first deployment: nobody has seen it. */
export function callbackKeys(scope: Construct, { app }: Plan, { disposable }: Options): void {
  const secret = new Secret(scope, "CallbackKeys", {
    secretName: secretName(app, KEY_RING_SECRET),
    description: "What callback keys are derived from",
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ current: "k1" }),
      generateStringKey: "k1",
      // 256 bit, as hexadecimal digits.
      passwordLength: 64,
      excludeCharacters: LETTERS_BEYOND_F,
      excludeUppercase: true,
      excludePunctuation: true,
      requireEachIncludedType: false,
    },
    removalPolicy: disposable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  Validations.of(secret).acknowledge({
    id: "AwsSolutions::AwsSolutions-SMG4",
    reason:
      "A key that was handed out is good for three days: rotation adds a secret to the ring, and takes the old one away later",
  });
}
