/* The Executor object, shared by its two binding files. */
#ifndef PY_EXECUTOR_H
#define PY_EXECUTOR_H

#include "py_core.h"

#include "sc_realtime.h"

typedef struct {
    PyObject_HEAD sc_executor executor; /* not used while the thread runs */
    spline_object *path;                /* what the executor's path refers to, or NULL */
    core_state *state;
    PyThread_type_lock lock; /* held by whoever changes anything */
    double command_time;     /* executor time of the latest command */
    sc_realtime *realtime;   /* NULL until a thread is started for the first time */
    bool started;            /* between start and finish */
    long process;            /* that started the thread */
    bool with_memory;        /* whether `memory` is held */
    Py_buffer memory;        /* of a ring */
    int socket;              /* our own descriptor, or -1 */
} executor_object;

void core_executor_lock(executor_object *self);
void core_executor_unlock(executor_object *self);

/* Drops the reference to a path that the executor has let go. Under the lock; returns what the
 * caller releases after it. */
spline_object *core_executor_let_go(executor_object *self);

/* Ends the thread, if one runs, and frees what belongs to it. */
void core_executor_end_thread(executor_object *self);

/* Methods of py_realtime.c. */
PyObject *core_executor_start(PyObject *object, PyObject *args);
PyObject *core_executor_leave(PyObject *object, PyObject *ignored);
PyObject *core_executor_wait(PyObject *object, PyObject *seconds);
PyObject *core_executor_finish(PyObject *object, PyObject *ignored);
PyObject *core_executor_statistics(PyObject *object, PyObject *ignored);

#endif
