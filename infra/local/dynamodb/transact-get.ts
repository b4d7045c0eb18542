import { type ActionStore, actions, runAction } from "./actions.ts";
import type { Input } from "./model.ts";
import type { Operation } from "./operation.ts";
import { type Types, validated, validations } from "./validation.ts";

const types: Types = {
  TransactItems: {
    type: "List",
    notNull: true,
    lengthGreaterThanOrEqual: 1,
    lengthLessThanOrEqual: 100,
    children: {
      type: "ValueStruct<TransactGetItem>",
      children: {
        Get: { type: "FieldStruct<Get>", notNull: true, children: validations.GetItem.types },
      },
    },
  },
};

/** Items of one moment; an item that does not exist leaves an empty answer in its place. */
export function transactGet(store: ActionStore): Operation {
  return (input) => {
    const { TransactItems } = validated(input, { types }) as { TransactItems: { Get: Input }[] };
    const Responses = TransactItems.map(({ Get }) =>
      runAction(actions.GetItem, store, validated(Get, validations.GetItem)),
    );
    return { Responses };
  };
}
