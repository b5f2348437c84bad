import type { Metadata } from '../metadata/index.ts';
import type { Configurations } from './configurations.ts';
import type { Layers } from './layers.ts';
import type { FunctionRecord, FunctionVersion } from './record.ts';
import type { Services } from './services.ts';
import type { CheckedCode } from './store.ts';
import type { Tags } from './tags.ts';
import type { Triggers } from './triggers.ts';
import type { Aliases, Versions } from './versions.ts';

export interface FunctionLimits {
  /** Bytes of one package (ZIP or JAR). */
  packageBytes: number;
  /** Bytes of its files. */
  codeBytes: number;
  /** Entries of the ZIP. */
  codeEntries: number;
  /** Bytes of the files of all layers of one function. */
  layersBytes: number;
  /** Instances of one function. */
  maxInstances: number;
}

/** The vendor's limits on a code package (500 MB through a bucket), and its default of 100 instances. */
export const defaultFunctionLimits: FunctionLimits = {
  packageBytes: 500 * 1024 * 1024,
  codeBytes: 500 * 1024 * 1024,
  codeEntries: 50_000,
  layersBytes: 2048 * 1024 * 1024,
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
  /** The lowest of those ids, a range made of the data folder when left out; the base itself belongs to the builder, which compiles and does nothing else. */
  uidBase?: number;
  /** Compiles Python code when it is deployed. */
  python?: { interpreter?: string | undefined };
  limits?: Partial<FunctionLimits>;
  /** Told of clean-up that failed in the background; the next start repeats it. */
  onProblem?: (error: unknown) => void;
}

export interface FunctionPage {
  functions: FunctionRecord[];
  nextToken?: string;
}

/**
 * What listeners of a change return is awaited before the code of the old version is removed.
 * @param current what may still be resolved of the function; every other version of it that was given out is void
 */
export type ChangeListener = (name: string, current: readonly FunctionVersion[]) => void | Promise<void>;

/** Told of a version whose number of provisioned instances, or greatest number, has changed. */
export type ScaleListener = (version: FunctionVersion) => void;

export interface PackageFile {
  /** The package as it was sent. */
  file: string;
  /** Bytes. */
  size: number;
  /** CRC-64, decimal. */
  checksum: string;
}

export interface Functions {
  readonly versions: Versions;
  readonly aliases: Aliases;
  readonly triggers: Triggers;
  readonly configurations: Configurations;
  readonly layers: Layers;
  readonly tags: Tags;
  /** Function Compute 2.0. */
  readonly services: Services;
  /**
   * Checks a CreateFunctionInput, unpacks and keeps its code, and writes the function; durable when resolved. A function that runs elsewhere
   * (custom-container) needs no code.
   * @throws Fault FunctionAlreadyExists, InvalidArgument, InvalidCodePackage, LayerNotFound, LayerVersionNotFound; nothing is left behind
   */
  create(input: unknown, code?: CheckedCode): Promise<FunctionRecord>;
  /**
   * Changes the fields that an UpdateFunctionInput holds, and the code when some is given.
   * @param ifMatch the revision that is meant to be changed
   * @throws Fault FunctionNotFound, InvalidArgument, InvalidCodePackage, LayerNotFound, LayerVersionNotFound, PreconditionFailed; the function
   * stays as it was
   */
  update(name: string, patch: unknown, code?: CheckedCode, ifMatch?: string): Promise<FunctionRecord>;
  /**
   * The record, or that of a version or alias of it; of an alias that shares its calls the main one.
   * @throws Fault VersionNotFound when the function is there and the qualifier is not
   */
  get(name: string, qualifier?: string): FunctionRecord | undefined;
  /** One page in order of names; limit 1 to 100, 20 when left out; only functions of services, or only the others. @throws Fault InvalidArgument */
  list(options?: {
    prefix?: string | undefined;
    limit?: number | undefined;
    nextToken?: string | undefined;
    ofServices?: boolean | undefined;
  }): FunctionPage;
  /** Removes a function with its versions, aliases, triggers and configurations. @throws Fault FunctionNotFound, PreconditionFailed */
  remove(name: string, ifMatch?: string): Promise<void>;
  /**
   * The version that an invocation runs: by short name or ARN, with the qualifier in the ARN or beside it. An alias that shares its calls
   * gives one or the other version by chance, as its weights say.
   * @throws Fault FunctionNotFound, VersionNotFound, InvalidArgument; FunctionNotStarted when its code is lost; ResourceThrottled when its
   * reserved concurrency is 0; FunctionInvocationDisabled
   */
  resolve(arnOrName: string, qualifier?: string): FunctionVersion;
  /** The package of a function or version. @throws Fault FunctionNotFound, VersionNotFound */
  packageOf(name: string, qualifier?: string): PackageFile;
  /** The user id that a program of the server's own has behind the wall, by a name no function can have; undefined when the server is not root. */
  userOf(name: string): Promise<number | undefined>;
  /** Every version that wants instances to be kept warm. */
  provisioned(): FunctionVersion[];
  /** Calls `listener` after a function was updated or removed. */
  onChange(listener: ChangeListener): void;
  /** Calls `listener` after the scaling of a version has changed. */
  onScale(listener: ScaleListener): void;
  /** Resolves when nothing goes on in the background: the compiler is done, and what was replaced is removed. */
  settled(): Promise<void>;
  /** Stops the compiler and resolves when the clean-up in the background has ended. Only after every instance has. */
  close(): Promise<void>;
}
