internal import CKernels

/// Process-wide settings of the CPU kernels.
public enum CPUKernels {
    /// The instruction set in use: `portable`, `avx2`, `avx512` or `avx512vnni`. Defaults to the best one the processor
    /// supports; the environment variable `FORETOKEN_ISA` selects another.
    public static var instructionSet: String { ck_isa_name(ck_isa()).map { String(cString: $0) } ?? "portable" }

    /// Maximum number of threads of a pass. Defaults to the processors available to the process (affinity mask and control
    /// group).
    public static var threads: Int {
        get { Int(ck_threads()) }
        set { ck_set_threads(Int32(clamping: max(1, newValue))) }
    }
}
