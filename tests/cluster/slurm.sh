#!/bin/bash
# A Slurm of one machine on loopback, for tests: `slurm.sh start FOLDER` and `slurm.sh stop FOLDER`.
# Needs root and Debian's slurm-wlm and munge. FOLDER has its configuration, state and logs.
set -eu
folder=$(realpath -m "$2")
export SLURM_CONF=$folder/slurm.conf

start() {
  mkdir -p "$folder"/{state,spool,log} /run/munge
  [ -s /etc/munge/munge.key ] || (umask 077 && head -c 128 /dev/urandom > /etc/munge/munge.key)
  chown munge: /etc/munge/munge.key /run/munge
  chmod 755 /run/munge
  munge -n > "$folder"/log/munge 2>&1 || su -s /bin/bash munge -c munged
  cat > "$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/slurmd
SlurmctldPort=${SLURM_PORT:-16817}
SlurmdPort=$((${SLURM_PORT:-16817} + 1))
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=0,requeue_setup_env_fail
MinJobAge=2
KillWait=20
RequeueExit=
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=localhost NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=8000 State=UNKNOWN
PartitionName=low Nodes=localhost Default=YES MaxTime=INFINITE PriorityTier=1 GraceTime=0
PartitionName=high Nodes=localhost MaxTime=INFINITE PriorityTier=2 PreemptMode=OFF
END
  sed -i '/^RequeueExit=$/d' "$SLURM_CONF"
  slurmctld
  slurmd -N localhost
  for _ in $(seq 60); do
    if sinfo --noheader --format=%t 2> /dev/null | grep -q idle; then return; fi
    sleep 0.5
  done
  echo "Slurm did not come up; see $folder/log" >&2
  exit 1
}

stop() {
  for name in slurmd slurmctld; do
    [ -f "$folder/$name.pid" ] && kill "$(cat "$folder/$name.pid")" 2> /dev/null || true
  done
}

"$1"
