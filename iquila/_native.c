/* The compiled twins of functions in iquila.wire.scan and iquila.device.batch, which say what they
 * do. Same arguments, same results. Nothing else belongs here: all works without this file. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#define SUPER UINT32_C(0x80000000)
enum { MACS = 12, MIN_FRAME = 14, MAX_FRAME = 1600, MAX_BLOCK = 3200, HEADER = 10, MIN_SUPER = 24 };
enum { MAX_SUPER = HEADER + 14 + 4 + 65535, KEEP_HEADERS = 1, STRIP_HEADERS = 2, CHECKSUM = 1 };

static uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int within(Py_buffer *buffer, Py_ssize_t at, Py_ssize_t end) {
    if (0 <= at && at <= end && end <= buffer->len)
        return 1;
    PyBuffer_Release(buffer);
    PyErr_SetString(PyExc_ValueError, "the range is not within the buffer");
    return 0;
}

static int append_run(PyObject *runs, Py_ssize_t start, Py_ssize_t end, Py_ssize_t count,
                      const uint8_t *macs, int super) {
    char key[MACS + 1] = {[MACS] = 1};
    PyObject *run = PyTuple_New(4);
    if (run == NULL)
        return -1;
    memcpy(key, macs, MACS);
    PyTuple_SET_ITEM(run, 0, PyLong_FromSsize_t(start));
    PyTuple_SET_ITEM(run, 1, PyLong_FromSsize_t(end));
    PyTuple_SET_ITEM(run, 2, PyLong_FromSsize_t(count));
    PyTuple_SET_ITEM(run, 3, PyBytes_FromStringAndSize(key, MACS + super));
    const int failed = PyErr_Occurred() || PyList_Append(runs, run) < 0 ? -1 : 0;
    Py_DECREF(run);
    return failed;
}

static PyObject *scan(PyObject *Py_UNUSED(self), PyObject *args) {
    Py_buffer buffer;
    Py_ssize_t at, end, left, start = 0, count = 0, undersized = 0, oversized = 0;
    int allowed, kind = 0, failed = 0;
    const uint8_t *macs = NULL;
    PyObject *runs;
    if (!PyArg_ParseTuple(args, "y*nnnpO!:scan", &buffer, &at, &end, &left, &allowed,
                          &PyList_Type, &runs) || !within(&buffer, left < 0 ? -1 : at, end))
        return NULL;
    while (left && !failed && end - at >= 4) {
        const uint8_t *block = (const uint8_t *)buffer.buf + at;
        const uint32_t word = get_u32(block);
        const Py_ssize_t size = (Py_ssize_t)(word & ~SUPER);
        const int super = word >= SUPER, kept = super || (MIN_FRAME <= size && size <= MAX_FRAME);
        if ((super ? !allowed || size < MIN_SUPER || size > MAX_SUPER : size > MAX_BLOCK) ||
            size > end - at - 4)
            break;
        const uint8_t *found = block + 4 + (super ? HEADER : 0);
        if (count && (!kept || kind != super || memcmp(found, macs, MACS))) {
            failed = append_run(runs, start, at, count, macs, kind);
            count = 0;
        }
        if (kept && !count++)
            start = at, macs = found, kind = super;
        oversized += !kept && size > MAX_FRAME;
        undersized += !kept && 0 < size && size < MIN_FRAME;
        at += 4 + size, left--;
    }
    failed = failed || (count && append_run(runs, start, at, count, macs, kind));
    PyBuffer_Release(&buffer);
    return failed ? NULL : Py_BuildValue("(nnnn)", at, left, undersized, oversized);
}

static PyObject *read_blocks(PyObject *Py_UNUSED(self), PyObject *args) {
    Py_buffer buffer;
    Py_ssize_t at, end, frames, count = 0;
    int fd, headers, error = 0;
    uint8_t header[HEADER] = {0};
    if (!PyArg_ParseTuple(args, "iw*nnni:read_blocks", &fd, &buffer, &at, &end, &frames, &headers)
        || !within(&buffer, at, end))
        return NULL;
    const Py_ssize_t room = (headers ? MAX_SUPER : MAX_FRAME) + 1; /* so that a longer one shows */
    const int strip = headers == STRIP_HEADERS;
    Py_BEGIN_ALLOW_THREADS
    for (; frames > 0 && end - at >= 4 + room; frames--) {
        uint8_t *block = (uint8_t *)buffer.buf + at;
        const struct iovec parts[2] = {{header, HEADER}, {block + 4, (size_t)room}};
        Py_ssize_t size = readv(fd, parts + !strip, 1 + strip);
        int super = headers == KEEP_HEADERS;
        if (size < 0 && (error = errno))
            break;
        size -= strip ? HEADER : 0;
        if (strip && (header[0] & CHECKSUM || header[1]) && MIN_FRAME <= size &&
            size <= MAX_SUPER - HEADER) {
            memmove(block + 4 + HEADER, block + 4, (size_t)size);
            memcpy(block + 4, header, HEADER);
            size += HEADER, super = 1;
        }
        if (size < (super ? MIN_SUPER : MIN_FRAME) || size > (super ? MAX_SUPER : MAX_FRAME))
            continue;
        for (int i = 0; i < 4; i++)
            block[i] = (uint8_t)(((uint32_t)size | (super ? SUPER : 0)) >> (24 - 8 * i));
        at += 4 + size, count++;
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&buffer);
    errno = error;
    return error && !count && error != EAGAIN && error != EINTR
        ? PyErr_SetFromErrno(PyExc_OSError) : Py_BuildValue("(nn)", at, count);
}

static PyObject *write_blocks(PyObject *Py_UNUSED(self), PyObject *args) {
    static uint8_t empty[HEADER];
    Py_buffer buffer;
    Py_ssize_t at, end, size = 0, refused = 0;
    int fd, headers;
    if (!PyArg_ParseTuple(args, "iy*nnp:write_blocks", &fd, &buffer, &at, &end, &headers)
        || !within(&buffer, at, end))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    for (; at < end; at += 4 + size) {
        uint8_t *block = (uint8_t *)buffer.buf + at;
        size = end - at < 4 ? end : (Py_ssize_t)(get_u32(block) & ~SUPER);
        if (size > end - at - 4) { /* not whole: nothing behind it can be told apart */
            refused++, at = end;
            break;
        }
        const int super = get_u32(block) >= SUPER, bare = super || !headers;
        const struct iovec parts[2] = {{empty, HEADER}, {block + 4, (size_t)size}};
        errno = EINVAL;
        if ((headers || !super) && writev(fd, parts + bare, 2 - bare) >= 0)
            continue;
        if (errno == EAGAIN || errno == EINTR)
            break;
        refused++;
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&buffer);
    return Py_BuildValue("(nn)", at, refused);
}

static PyMethodDef methods[] = {{"scan", scan, METH_VARARGS, NULL},
                                {"read_blocks", read_blocks, METH_VARARGS, NULL},
                                {"write_blocks", write_blocks, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_native", .m_methods = methods};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module); }
