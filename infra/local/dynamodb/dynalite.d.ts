/** The part of dynalite 4.0.0 (plain CommonJS, without types of its own) that this service calls. */

declare module "dynalite/db/index.js" {
  type Item = import("./model.ts").Item;
  type AttributeValue = import("./model.ts").AttributeValue;
  type TableDescription = import("./model.ts").TableDescription;
  type KeySchema = import("./model.ts").KeySchema;
  type ServiceError = import("./service-error.ts").ServiceError;
  type ReadRequest = import("./page.ts").ReadRequest;
  type KeyRange = import("./item-store.ts").KeyRange;
  type ActionStore = import("./actions.ts").ActionStore;
  type ConditionalRequest = import("./actions.ts").ConditionalRequest;
  type Done = import("./actions.ts").Done;

  interface Db {
    compare(
      operator: string,
      left: AttributeValue | undefined,
      right: (AttributeValue | undefined)[],
    ): boolean;
    createKey(item: Item, table: TableDescription, keySchema?: KeySchema): string;
    mapPath(path: (string | number)[], item: Item): AttributeValue | undefined;
    mapPaths(paths: (string | number)[][], item: Item): Item;
    matchesFilter(item: Item, filter: object, conditionalOperator?: string): boolean;
    validateKey(key: Item, table: TableDescription): ServiceError | undefined;

    // The functions below are called by dynalite's actions through this object, so replacing them here takes effect.
    checkConditional(request: ConditionalRequest, existing: Item | undefined): ServiceError | undefined;
    createIndexKey(item: Item, table: TableDescription, keySchema: KeySchema): string;
    itemSize(item: Item): number;
    queryTable(
      store: ActionStore,
      table: TableDescription,
      request: ReadRequest,
      range: KeyRange,
      isLocal: boolean | undefined,
      allAttributes: boolean,
      startKeyNames: string[],
      done: Done,
    ): void;
    updateIndexes(
      store: ActionStore,
      table: TableDescription,
      before: Item | null | undefined,
      after: Item | null,
      done: Done,
    ): void;
  }
  const db: Db;
  export = db;
}

declare module "dynalite/validations/index.js" {
  type Input = import("./model.ts").Input;
  type Types = import("./validation.ts").Types;

  interface Validations {
    /** Drops what `types` does not know, from its argument as well. @throws ServiceError of a wrong JSON type */
    checkTypes(input: Input, types: Types): Input;
    /** Parses the expressions too, into `_condition`, `_updates` ... @throws ServiceError ValidationException */
    checkValidations(
      input: Input,
      types: Types,
      custom: import("./validation.ts").CustomCheck | undefined,
      store: object,
    ): void;
  }
  const validations: Validations;
  export = validations;
}

declare module "dynalite/validations/*" {
  const validation: import("./validation.ts").Validation;
  export = validation;
}

declare module "dynalite/actions/*" {
  const action: import("./actions.ts").Action;
  export = action;
}
