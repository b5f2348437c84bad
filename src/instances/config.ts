/** Where programs are looked for when an interpreter is given by name alone. */
export function searchPath(): string {
  return process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';
}

/** Where the server's own user has put Java, if anywhere. */
export function javaHome(): string | undefined {
  return process.env.JAVA_HOME;
}
