/** Of the function's memory, what objects may take (the vendor's share). */
const heapShare = 0.9;
const firstHeapMb = 16;

export interface FlagOptions {
  major: number;
  memoryMb: number;
  /** The instance's own folder. */
  tmp: string;
  /** Archive of classes to start from, where there is one. */
  archive: string | undefined;
  /** JAVA_TOOL_OPTIONS of the function. The machine reads it by itself; what is set there is not set here. */
  own: string;
}

/** What every Java of a function is started with. */
export function jvmFlags({ major, memoryMb, tmp, archive, own }: FlagOptions): string[] {
  const tuning: [unless: RegExp, flag: string][] = [
    [/-XX:\+Use\w+GC\b/, '-XX:+UseSerialGC'],
    // The second compiler pays off after minutes, and costs every start.
    [/TieredStopAtLevel|TieredCompilation|-Xint|-Xcomp/, '-XX:TieredStopAtLevel=1'],
    [/-Xmx|MaxHeapSize|MaxRAM/, `-Xmx${Math.floor(memoryMb * heapShare)}m`],
    [/-Xm[sx]|HeapSize|RAMPercentage|MaxRAM/, `-Xms${firstHeapMb}m`],
    [/file\.encoding/, '-Dfile.encoding=UTF-8'],
    [/java\.awt\.headless/, '-Djava.awt.headless=true'],
    [/java\.security\.egd/, '-Djava.security.egd=file:/dev/./urandom'],
    // Without these two, libraries that were made before Java 24 fill the log with warnings.
    ...(major >= 23 ? ([[/sun-misc-unsafe/, '--sun-misc-unsafe-memory-access=allow']] as [RegExp, string][]) : []),
  ];
  return [
    ...tuning.filter(([unless]) => !unless.test(own)).map(([, flag]) => flag),
    '-Xshare:auto',
    ...(archive === undefined || /SharedArchiveFile|-Xshare/.test(own)
      ? []
      : [`-XX:SharedArchiveFile=${archive}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off']),
    '-XX:-UsePerfData',
    '-XX:-CreateCoredumpOnCrash',
    `-XX:ErrorFile=${tmp}/hs_err.log`,
    `-Djava.io.tmpdir=${tmp}`,
    `-Duser.home=${tmp}`,
  ];
}
