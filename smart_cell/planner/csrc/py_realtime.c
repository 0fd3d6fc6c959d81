/* The executor's real-time thread and the rings of set-points, for Python. */
#include "py_executor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* A ring in a buffer. Returns -1 with an exception. */
static int
open_ring(PyObject *memory, int writable, Py_buffer *view, sc_ring *ring)
{
    if (PyObject_GetBuffer(memory, view, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) != 0) {
        return -1;
    }
    if ((uintptr_t)view->buf % 8 != 0 ||
        sc_ring_open(view->buf, (size_t)view->len, ring) != SC_OK) {
        PyBuffer_Release(view);
        PyErr_SetString(PyExc_ValueError, "no ring of set-points");
        return -1;
    }
    return 0;
}

/* ring_size(dof, capacity): bytes. */
PyObject *
core_ring_size(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_ssize_t dof, capacity;
    if (!PyArg_ParseTuple(args, "nn:ring_size", &dof, &capacity)) {
        return NULL;
    }
    if (dof < 1 || dof > SC_MAX_DOF || capacity < 1 || capacity > SC_RING_CAPACITY) {
        return core_raise("ring_size", SC_BAD_ARGUMENT);
    }
    return PyLong_FromSize_t(8 * sc_ring_words((size_t)dof, (size_t)capacity));
}

/* ring_make(memory, dof, capacity, period). */
PyObject *
core_ring_make(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer view;
    Py_ssize_t dof, capacity;
    double period;
    if (!PyArg_ParseTuple(args, "w*nnd:ring_make", &view, &dof, &capacity, &period)) {
        return NULL;
    }
    sc_ring ring;
    sc_status status = SC_BAD_ARGUMENT;
    if (dof >= 1 && dof <= SC_MAX_DOF && capacity >= 1 && capacity <= SC_RING_CAPACITY &&
        (uintptr_t)view.buf % 8 == 0 &&
        (size_t)view.len >= 8 * sc_ring_words((size_t)dof, (size_t)capacity)) {
        status = sc_ring_make(view.buf, (size_t)dof, (size_t)capacity, period, &ring);
    }
    PyBuffer_Release(&view);
    if (status != SC_OK) {
        return core_raise("ring_make", status);
    }
    Py_RETURN_NONE;
}

/* ring_shape(memory): (dof, capacity, newest sequence). */
PyObject *
core_ring_shape(PyObject *Py_UNUSED(module), PyObject *memory)
{
    Py_buffer view;
    sc_ring ring;
    if (open_ring(memory, 0, &view, &ring) != 0) {
        return NULL;
    }
    unsigned long long newest = sc_ring_newest(&ring);
    PyBuffer_Release(&view);
    return Py_BuildValue("(nnK)", (Py_ssize_t)ring.dof, (Py_ssize_t)ring.capacity, newest);
}

/* ring_read(memory, sequence): the record's bytes, or None. */
PyObject *
core_ring_read(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *memory;
    unsigned long long sequence;
    Py_buffer view;
    sc_ring ring;
    if (!PyArg_ParseTuple(args, "OK:ring_read", &memory, &sequence) ||
        open_ring(memory, 0, &view, &ring) != 0) {
        return NULL;
    }
    uint64_t record[SC_RECORD_WORDS];
    sc_status status = sequence < 1 ? SC_NO_SPACE : sc_ring_read(&ring, sequence, record);
    size_t size = (SC_RECORD_HEAD + 3 * ring.dof) * sizeof record[0];
    PyBuffer_Release(&view);
    if (status != SC_OK) {
        Py_RETURN_NONE;
    }
    return PyBytes_FromStringAndSize((const char *)record, (Py_ssize_t)size);
}

/* Whether this process has the thread; a fork's child has not. */
static bool
has_thread(const executor_object *self)
{
    return self->started && self->process == (long)getpid();
}

static void
release_sink(executor_object *self)
{
    if (self->socket >= 0) {
        close(self->socket);
        self->socket = -1;
    }
    if (self->with_memory) {
        PyBuffer_Release(&self->memory);
        self->with_memory = false;
    }
}

/* Makes a sink of a descriptor, which is duplicated, or a ring's memory, which is kept. */
static int
take_sink(executor_object *self, PyObject *object, sc_sink *sink)
{
    if (PyLong_Check(object)) {
        long given = PyLong_AsLong(object);
        if (given == -1 && PyErr_Occurred()) {
            return -1;
        }
        self->socket = given < 0 || given > INT_MAX ? -1 : fcntl((int)given, F_DUPFD_CLOEXEC, 0);
        sink->socket = self->socket;
        if (self->socket < 0) {
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        return 0;
    }
    sink->socket = -1;
    if (open_ring(object, 1, &self->memory, &sink->ring) != 0) {
        return -1;
    }
    self->with_memory = true;
    if (sink->ring.dof != self->executor.dof) {
        PyErr_Format(PyExc_ValueError, "a ring of %zu joints for an executor of %zu",
                     sink->ring.dof, self->executor.dof);
        return -1;
    }
    return 0;
}

static sc_status
start_thread(executor_object *self, const sc_sink *sink, const sc_realtime_options *options)
{
    sc_status status = SC_OK;
    if (self->realtime == NULL) {
        self->realtime = PyMem_RawMalloc(sizeof *self->realtime);
        status = self->realtime == NULL ? SC_NO_MEMORY : sc_realtime_init(self->realtime);
        if (status != SC_OK) {
            PyMem_RawFree(self->realtime);
            self->realtime = NULL;
            return status;
        }
    }
    status = sc_realtime_start(self->realtime, &self->executor, sink, options);
    self->started = status == SC_OK;
    self->process = (long)getpid();
    return status;
}

PyObject *
core_executor_start(PyObject *object, PyObject *args)
{
    executor_object *self = (executor_object *)object;
    PyObject *where;
    double spin, grace;
    sc_realtime_options options = {0, 0, 0};
    if (!PyArg_ParseTuple(args, "Oidd:start", &where, &options.priority, &spin, &grace)) {
        return NULL;
    }
    if (!(spin >= 0.0 && spin <= 1.0 && grace >= 0.0 && grace <= 3600.0)) {
        return core_raise("start", SC_BAD_ARGUMENT);
    }
    options.spin = (int64_t)(spin * 1e9);
    options.grace = (int64_t)(grace * 1e9);
    core_executor_lock(self);
    int result = -1;
    if (self->started || !self->executor.placed) {
        PyErr_SetString(PyExc_RuntimeError,
                        self->started ? "a thread is running" : "the executor has no position yet");
    }
    else {
        sc_sink sink = {-1, {NULL, 0, 0}};
        result = take_sink(self, where, &sink);
        if (result == 0) {
            sc_status status = start_thread(self, &sink, &options);
            if (status != SC_OK) {
                core_raise("start", status);
                result = -1;
            }
        }
        if (result != 0) {
            release_sink(self);
        }
    }
    core_executor_unlock(self);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}

PyObject *
core_executor_leave(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    executor_object *self = (executor_object *)object;
    if (self->started) {
        sc_realtime_leave(self->realtime, false);
    }
    Py_RETURN_NONE;
}

PyObject *
core_executor_wait(PyObject *object, PyObject *seconds)
{
    executor_object *self = (executor_object *)object;
    double time = PyFloat_AsDouble(seconds);
    if (time == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    bool ended = true;
    if (has_thread(self)) {
        Py_BEGIN_ALLOW_THREADS ended = sc_realtime_wait(self->realtime, fmin(fmax(time, 0.0), 1.0));
        Py_END_ALLOW_THREADS
    }
    return PyBool_FromLong(ended);
}

/* Under the lock. */
static int
finish(executor_object *self)
{
    int failure = 0;
    if (has_thread(self)) {
        Py_BEGIN_ALLOW_THREADS sc_realtime_finish(self->realtime, &self->executor, &failure);
        Py_END_ALLOW_THREADS
    }
    self->started = false;
    release_sink(self);
    return failure;
}

PyObject *
core_executor_finish(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    executor_object *self = (executor_object *)object;
    core_executor_lock(self);
    int failure = self->started ? finish(self) : 0;
    spline_object *old = core_executor_let_go(self);
    core_executor_unlock(self);
    Py_XDECREF(old);
    return PyLong_FromLong(failure);
}

void
core_executor_end_thread(executor_object *self)
{
    if (has_thread(self)) {
        sc_realtime_leave(self->realtime, true);
    }
    finish(self);
    if (self->realtime != NULL) {
        sc_realtime_free(self->realtime);
        PyMem_RawFree(self->realtime);
        self->realtime = NULL;
    }
}

PyObject *
core_executor_statistics(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    executor_object *self = (executor_object *)object;
    if (self->realtime == NULL) {
        Py_RETURN_NONE;
    }
    sc_realtime_statistics s;
    sc_realtime_read(self->realtime, &s);
    return Py_BuildValue("(KKKLddddiO)", (unsigned long long)s.cycles, (unsigned long long)s.missed,
                         (unsigned long long)s.unsent, (long long)s.lag,
                         sc_realtime_quantile(&s, 0.5), sc_realtime_quantile(&s, 0.99),
                         sc_realtime_quantile(&s, 0.999), 1e-9 * (double)s.worst, s.priority,
                         s.memory_locked ? Py_True : Py_False);
}
