import type { Catalogue, Entry } from './catalogue.ts';
import type { ServiceEntry } from './service-table.ts';

/** The turn in which a service changes; no function can have this name. */
export function turnOf(service: string): string {
  return `${service}$`;
}

/** Runs a change of a service and all its functions, while none of them changes otherwise. @throws Fault ServiceNotFound */
export function withFunctions<T>(
  catalogue: Catalogue,
  name: string,
  change: (service: ServiceEntry, functions: Entry[]) => Promise<T>,
): Promise<T> {
  return catalogue.inTurn(turnOf(name), () => {
    const service = catalogue.services.existing(name);
    // None can join: that takes the service's turn. One that is being removed now is gone when its turn has come.
    const names = catalogue.inService(name).map(({ record }) => record.functionName);
    return catalogue.inTurns(names, () => change(service, catalogue.inService(name)));
  });
}
