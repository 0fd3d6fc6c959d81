/* Shared by the binding files: module state, object layouts, buffer helpers. */
#ifndef PY_CORE_H
#define PY_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <float.h>
#include <stdbool.h>

#include "sc_chain.h"
#include "sc_ik.h"
#include "sc_kernels.h"
#include "sc_spline.h"

/* A function as the void pointer that CPython's slots want; ISO C has no such conversion. */
#define CORE_SLOT(function) (__extension__(void *)(function))

/* A METH_FASTCALL function in a table of methods. */
#define CORE_FASTCALL(function) (PyCFunction)(void (*)(void))(function)

typedef struct {
    PyTypeObject *chain_type;
    PyTypeObject *kinematics_type;
    PyTypeObject *spline_type;
    PyTypeObject *executor_type;
    const sc_kernels *kernels; /* of this processor, or of the environment's SMART_CELL_SIMD */
    PyTypeObject *motion_type;
    PyTypeObject *state_type;
} core_state;

typedef struct {
    PyObject_HEAD sc_chain chain;
    sc_ik_model ik;            /* of this chain */
    double middle[SC_MAX_DOF]; /* of its limits, 0 where they are infinite */
} chain_object;

typedef struct {
    PyObject_HEAD sc_spline spline;
} spline_object;

/* data: bytes, position, velocity and acceleration as 3 * dof doubles. */
typedef struct {
    PyObject_HEAD size_t dof;
    PyObject *data;
    PyObject *rows[3]; /* arrays of them, once asked for */
} state_object;

#define CORE_LARGEST_POSITION 1e9 /* either way, rad or m */

static inline const double *
core_state_values(const state_object *state)
{
    return (const double *)(const void *)PyBytes_AS_STRING(state->data);
}

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

/* Sorts the arguments of a METH_FASTCALL | METH_KEYWORDS function into `values` (NULL where one is
 * not given). names: ends with NULL; the first `required` must be given, those from `positional` on
 * by name only. Returns -1 with TypeError if they do not fit. */
int core_sort_arguments(const char *const *names, Py_ssize_t required, Py_ssize_t positional,
                        PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                        PyObject **values);

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

/* Methods of the Chain type that live in py_ik.c. */
PyObject *core_chain_ik(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *core_chain_ik_one(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *core_chain_ik_rows(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *core_chain_ik_method(PyObject *self, PyObject *ignored);

#define CORE_IK_METHOD(name, text) \
    {#name, (PyCFunction)(void (*)(void))core_chain_##name, METH_FASTCALL, text}
#define CORE_IK_METHODS                                                                         \
    CORE_IK_METHOD(ik, "ik(poses, seeds, held, out, counts): m poses, one seed or m, "          \
                       "out (m, most, dof), counts (m,)"),                                      \
        CORE_IK_METHOD(ik_one, "ik_one(pose, seed, max_solutions): solutions (k, dof), or "     \
                               "None if the arguments are not arrays of float64 and the like"), \
        CORE_IK_METHOD(ik_rows, "ik_rows(out, counts): what ik wrote, as a list of arrays"),    \
        {"ik_method", core_chain_ik_method, METH_NOARGS, "(kind, first of the six, reversed)"}

/* Prepares an object of the Chain type whose chain is filled; -1 without NumPy. */
int core_ik_prepare(chain_object *self);

int core_add_chain(PyObject *module, core_state *state);
int core_add_kinematics(PyObject *module, core_state *state);
int core_add_spline(PyObject *module, core_state *state);
int core_add_executor(PyObject *module, core_state *state);
int core_add_motion(PyObject *module, core_state *state);
int core_add_state(PyObject *module, core_state *state);

/* The functions point_to_point and durations of the module (py_otg.c). */
PyObject *core_point_to_point(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *core_durations(PyObject *module, PyObject *const *args, Py_ssize_t nargs);

/* Functions of the module that have a file of their own. */
PyObject *core_through(PyObject *module, PyObject *args);

extern PyMethodDef core_functions[];
extern PyMethodDef core_timing_functions[];

/* Rings of set-points (py_realtime.c). */
PyObject *core_ring_size(PyObject *module, PyObject *args);
PyObject *core_ring_make(PyObject *module, PyObject *args);
PyObject *core_ring_shape(PyObject *module, PyObject *memory);
PyObject *core_ring_read(PyObject *module, PyObject *args);

#endif
