import CKernels

/// Allocates the pages ("blocks" in vLLM) of key-value caches. A page holds the keys and values of ``slotsPerPage`` slots of one
/// layer; several caches can share it.
final class BlockAllocator {
    static let slotsPerPage = Int(CK_PANEL)

    let memory: any PageMemory
    var bytesPerPage: Int { memory.bytesPerPage }
    private var unused: [PageNumber] = []
    private var returned: [PageNumber] = []
    /// Owners beyond the first, for shared pages.
    private var sharers: [PageNumber: Int] = [:]
    /// Pages in use.
    private(set) var pagesInUse = 0

    init(_ model: DecodeModel) {
        memory = model.backend.makePageMemory()
    }

    /// Allocates pages, which hold zeros or an earlier owner's data.
    func allocate(_ count: Int) throws -> [PageNumber] {
        let old = returned.suffix(count)
        if old.count + unused.count < count {
            unused += try memory.grow(byAtLeast: count - old.count - unused.count).reversed()
        }
        try memory.prepare(Array(old))
        returned.removeLast(old.count)
        let new = unused.suffix(count - old.count)
        unused.removeLast(new.count)
        pagesInUse += count
        return Array(old) + new.reversed()
    }

    /// Adds an owner to a page; a shared page must not be written.
    func share(_ page: PageNumber) { sharers[page, default: 0] += 1 }

    /// Allocates a copy of a page.
    func copy(_ page: PageNumber) throws -> PageNumber {
        let copy = try allocate(1)[0]
        try memory.copy(page, to: copy)
        return copy
    }

    /// Removes an owner from a page; the page is free again when it has none.
    func release(_ page: PageNumber) {
        if let others = sharers[page] {
            sharers[page] = others > 1 ? others - 1 : nil
        } else {
            pagesInUse -= 1
            returned.append(page)
        }
    }
}
