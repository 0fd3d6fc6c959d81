/* Shared by the binding files: module state, object layouts, buffer helpers. */
#ifndef PY_CORE_H
#define PY_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "sc_chain.h"
#include "sc_spline.h"

/* A function as the void pointer that CPython's slots want; ISO C has no such conversion. */
#define CORE_SLOT(function) (__extension__(void *)(function))

typedef struct {
    PyTypeObject *chain_type;
    PyTypeObject *spline_type;
    PyTypeObject *executor_type;
} core_state;

typedef struct {
    PyObject_HEAD sc_chain chain;
} chain_object;

typedef struct {
    PyObject_HEAD sc_spline spline;
} spline_object;

/* Gets a C-contiguous buffer of `count` doubles (any number if negative). On failure sets an
 * exception naming `name` and returns -1; otherwise PyBuffer_Release is due. */
int core_doubles(PyObject *object, Py_buffer *view, int writable, Py_ssize_t count,
                 const char *name);

/* Gets several buffers at once, all or none. views: n buffers. */
typedef struct {
    PyObject *object;
    int writable;
    Py_ssize_t count;
    const char *name;
} core_request;

int core_gather(const core_request *requests, size_t n, Py_buffer *views);
void core_release(Py_buffer *views, size_t n);

/* Checks the number of positional arguments of a METH_FASTCALL function. */
int core_arguments(const char *function, Py_ssize_t given, Py_ssize_t expected);

/* Raises ValueError (or MemoryError) with the text of a status; returns NULL. */
PyObject *core_raise(const char *where, sc_status status);

/* A new empty spline object, or NULL with MemoryError. */
spline_object *core_spline_new(core_state *state, size_t dof, size_t capacity);

/* Shrinks the memory of a finished spline to what it uses. */
void core_spline_trim(spline_object *object);

/* The rows of a (5, dof) buffer as limits. */
sc_limits core_limits(const double *rows, size_t dof);

/* (joint, quantity, value, limit, time) of a violation. */
PyObject *core_violation(const sc_violation *violation);

int core_add_chain(PyObject *module, core_state *state);
int core_add_spline(PyObject *module, core_state *state);
int core_add_executor(PyObject *module, core_state *state);

extern PyMethodDef core_functions[];
extern PyMethodDef core_timing_functions[];

#endif
