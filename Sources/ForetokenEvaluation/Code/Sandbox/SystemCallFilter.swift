/// A seccomp filter for bubblewrap's `--seccomp`. It denies system calls that ordinary programs do not use and that bypass the
/// sandbox's limits or expose rarely tested parts of the kernel.
///
/// For example, memory of `memfd_create` and of System V shared memory belongs to no process and escapes the memory limit, and in
/// a user namespace a program could mount file systems in memory.
enum SystemCallFilter {
    /// A classic BPF program: instructions of eight bytes (code, jump if true, jump if false, operand).
    ///
    /// Empty on architectures whose system call numbers are not listed here.
    static let program: [UInt8] = {
        guard architecture != 0 else { return [] }
        var filter = Assembly()
        filter.load(offset: 4)
        filter.unless(equals: architecture, refuse: permissionDenied)
        filter.load(offset: 0)
        // The x32 calls of x86-64, which would bypass the filter with other numbers.
        filter.whenAtLeast(0x4000_0000, refuse: permissionDenied)
        for number in refused { filter.when(equals: number, refuse: permissionDenied) }
        // The flags of clone3 are in memory, which a filter cannot read; on ENOSYS the C library falls back to `clone`.
        filter.when(equals: clone3, refuse: notImplemented)
        filter.whenCloning(clone, withFlags: newUserNamespace, refuse: permissionDenied)
        filter.allow()
        return filter.bytes
    }()

    #if arch(x86_64)
        private static let architecture: UInt32 = 0xC000_003E
        private static let clone: UInt32 = 56
        // shmget, unshare, add_key, request_key, keyctl, perf_event_open, setns, memfd_create, bpf, userfaultfd.
        private static let own: [UInt32] = [29, 272, 248, 249, 250, 298, 308, 319, 321, 323]
    #elseif arch(arm64)
        private static let architecture: UInt32 = 0xC000_00B7
        private static let clone: UInt32 = 220
        private static let own: [UInt32] = [194, 97, 217, 218, 219, 241, 268, 279, 280, 282]
    #else
        private static let (architecture, clone, own): (UInt32, UInt32, [UInt32]) = (0, 0, [])
    #endif
    // io_uring_setup, memfd_secret and clone3 have the same number on all architectures.
    private static let refused = own + [425, 447]
    private static let clone3: UInt32 = 435
    private static let newUserNamespace: UInt32 = 0x1000_0000
    private static let permissionDenied: UInt32 = 1
    private static let notImplemented: UInt32 = 38

    private struct Assembly {
        private(set) var bytes: [UInt8] = []

        private mutating func add(_ code: UInt16, _ yes: UInt8 = 0, _ no: UInt8 = 0, _ operand: UInt32) {
            withUnsafeBytes(of: code) { bytes += $0 }
            bytes += [yes, no]
            withUnsafeBytes(of: operand) { bytes += $0 }
        }

        /// Loads a 32-bit word of `seccomp_data`: the call's number at 0, the architecture at 4, the arguments from 16.
        mutating func load(offset: UInt32) { add(0x20, 0, 0, offset) }
        mutating func when(equals value: UInt32, refuse error: UInt32) {
            add(0x15, 0, 1, value)
            refuse(error)
        }
        mutating func unless(equals value: UInt32, refuse error: UInt32) {
            add(0x15, 1, 0, value)
            refuse(error)
        }
        mutating func whenAtLeast(_ value: UInt32, refuse error: UInt32) {
            add(0x35, 0, 1, value)
            refuse(error)
        }
        mutating func whenCloning(_ number: UInt32, withFlags flags: UInt32, refuse error: UInt32) {
            add(0x15, 0, 3, number)
            load(offset: 16)
            add(0x45, 0, 1, flags)
            refuse(error)
        }
        private mutating func refuse(_ error: UInt32) { add(0x06, 0, 0, 0x0005_0000 | error) }
        mutating func allow() { add(0x06, 0, 0, 0x7FFF_0000) }
    }
}
