import { join } from 'node:path';
import type { Catalogue } from './catalogue.ts';
import type { CodeKey } from './code.ts';
import type { CodePlace } from './place.ts';
import type { FunctionLimits, FunctionsOptions } from './port.ts';
import { CodeStore } from './store.ts';

export interface StoresOptions {
  options: FunctionsOptions;
  place: CodePlace;
  limits: FunctionLimits;
  /** User of the compiler, when the server is root. */
  builderUid: number | undefined;
  catalogue: Catalogue;
  /** Whether any layer or function refers to this code of a layer. */
  isLayerUsed: (digest: string) => boolean;
  /** Told what of a function could not be compiled, after the deployment was answered. */
  onNote: (key: CodeKey, note: string) => Promise<void>;
  onProblem: (error: unknown) => void;
}

/** The stores of the functions' code and of the layers'. */
export function openStores(given: StoresOptions): { functions: CodeStore; layers: CodeStore } {
  const { options, place, limits, builderUid, catalogue, isLayerUsed, onNote, onProblem } = given;
  const common = {
    packageBytes: limits.packageBytes,
    limits: { entries: limits.codeEntries, bytes: limits.codeBytes },
    builderUid,
    interpreter: options.python?.interpreter,
    onProblem,
  };
  const functions = new CodeStore({
    ...common,
    packages: join(options.dataDir, 'packages'),
    root: place.root,
    shared: false,
    inTurn: (functionId, work) => {
      const name = catalogue.byId(functionId)?.record.functionName;
      return name === undefined ? work() : catalogue.inTurn(name, work);
    },
    isUsed: ({ functionId, codeDigest }) => {
      const entry = catalogue.byId(functionId);
      return entry !== undefined && catalogue.digests(entry).has(codeDigest);
    },
    onNote,
  });
  const layers = new CodeStore({
    ...common,
    packages: join(options.dataDir, 'layers'),
    root: place.layers,
    shared: true,
    inTurn: (layerId, work) => catalogue.inTurn(layerId, work),
    isUsed: ({ codeDigest }) => isLayerUsed(codeDigest),
    onNote: async () => undefined,
  });
  return { functions, layers };
}
