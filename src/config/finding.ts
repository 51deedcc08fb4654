/** Something in a configuration file that cannot be used. */
export interface ConfigFinding {
  /** `policy.capacity`, `catalog.gpus[NVIDIA-L20].memoryMib`, or `line 3` where the text is not YAML. */
  readonly path: string;
  readonly message: string;
}
