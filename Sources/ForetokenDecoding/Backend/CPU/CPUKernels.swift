internal import CKernels

/// The kernels that decode on the CPU, for the whole process.
public enum CPUKernels {
    /// The instruction set: `portable`, `avx2`, `avx512` or `avx512vnni`. The environment variable `FORETOKEN_ISA` names another
    /// one than the processor's best.
    public static var instructionSet: String { ck_isa_name(ck_isa()).map { String(cString: $0) } ?? "portable" }

    /// How many threads a pass uses at most; at first those that the process may use by its affinity and its control group.
    public static var threads: Int {
        get { Int(ck_threads()) }
        set { ck_set_threads(Int32(clamping: max(1, newValue))) }
    }
}
