import type { Metadata } from '../metadata/index.ts';
import type { CodeSource } from './packages.ts';
import type { FunctionRecord, FunctionVersion } from './record.ts';

export interface FunctionLimits {
  /** Bytes of one package (ZIP). */
  packageBytes: number;
  /** Bytes of its files. */
  codeBytes: number;
  /** Entries of the ZIP. */
  codeEntries: number;
  /** Instances of one function. */
  maxInstances: number;
}

/** The vendor's limits on a code package (500 MB through a bucket), and its default of 100 instances. */
export const defaultFunctionLimits: FunctionLimits = {
  packageBytes: 500 * 1024 * 1024,
  codeBytes: 500 * 1024 * 1024,
  codeEntries: 50_000,
  maxInstances: 100,
};

export interface FunctionsOptions {
  metadata: Metadata;
  /** Code is unpacked below it. Closed to other users where functions need it open, it is replaced by a temporary folder. */
  runDir: string;
  /** Packages are kept below it. */
  dataDir: string;
  accountId: string;
  region: string;
  /** Gives every function a user id of its own. */
  serverIsRoot: boolean;
  /** The lowest of those ids; the base itself belongs to the builder, which compiles and does nothing else. */
  uidBase?: number;
  /** Compiles Python code when it is deployed. */
  python?: { interpreter?: string | undefined };
  limits?: Partial<FunctionLimits>;
  /** Told of clean-up that failed in the background; the next start repeats it. */
  onProblem?: (error: unknown) => void;
}

/** A package with the CRC-64 (decimal) that its sender says it has. */
export type CheckedCode = CodeSource & { checksum?: string | undefined };

export interface FunctionPage {
  functions: FunctionRecord[];
  nextToken?: string;
}

/** What listeners of a change return is awaited before the code of the old version is removed. */
export type ChangeListener = (name: string) => void | Promise<void>;

export interface Functions {
  /**
   * Checks a CreateFunctionInput, unpacks and keeps its code, and writes the function; durable when resolved.
   * @throws Fault FunctionAlreadyExists, InvalidArgument, InvalidCodePackage; nothing is left behind
   */
  create(input: unknown, code: CheckedCode): Promise<FunctionRecord>;
  /**
   * Changes the fields that an UpdateFunctionInput holds, and the code when some is given.
   * @throws Fault FunctionNotFound, InvalidArgument, InvalidCodePackage; the function stays as it was
   */
  update(name: string, patch: unknown, code?: CheckedCode): Promise<FunctionRecord>;
  get(name: string): FunctionRecord | undefined;
  /** One page in order of names; limit 1 to 100, 20 when left out. @throws Fault InvalidArgument */
  list(options?: { prefix?: string | undefined; limit?: number | undefined; nextToken?: string | undefined }): FunctionPage;
  /** @throws Fault FunctionNotFound */
  remove(name: string): Promise<void>;
  /**
   * The version that an invocation runs: by short name or ARN, with the qualifier in the ARN or beside it.
   * @throws Fault FunctionNotFound, VersionNotFound, InvalidArgument; FunctionNotStarted when its code is lost
   */
  resolve(arnOrName: string, qualifier?: string): FunctionVersion;
  /** Calls `listener` after a function was updated or removed. */
  onChange(listener: ChangeListener): void;
  /** Resolves when the clean-up in the background has ended. Only after every instance has. */
  close(): Promise<void>;
}
